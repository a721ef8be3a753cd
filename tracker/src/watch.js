/*
 * Videos, players in frames, and problems of a page: sillage.actions.js loads it on pages that have one of them. It
 * must never read the text of an error or of a page, or an address beyond those named here.
 *
 * | event | action | property |
 * |---|---|---|
 * | a video started, its quarters reached, its end | `Video start`, `Video 25%`, `Video 50%`, `Video 75%`, `Video end` | `video`: `data-video`, else the name of its file |
 * | the same in a player in a frame that posts its state: YouTube (with `enablejsapi=1`), Vimeo, Dailymotion, PeerTube and others that speak `player.js` | the same | `video`: the frame's `data-video`, else its `title` |
 * | with `data-problems`: a script error, an unhandled rejection, a failed load | `problem` | `kind`: `TypeError` and the like, `resource`, or `other` |
 *
 * Each mark of a video and each kind of problem counts once a page load. Muted videos that start by themselves are
 * decoration and not counted. Nothing is loaded from a player's site; only messages that its frame posts are read.
 */

/** Starts watching; `options` may hold `problems`. */
export function watchPage(options) {
  const tell = (name, props, interactive) => window.sillage(name, { props, interactive });
  const listen = (name, then) => window.addEventListener(name, then, true);

  // Highest mark of each video, or frame with a player.
  const marks = new WeakMap();
  const seen = (video, share, ended, name) => {
    const reached = marks.get(video) || new Set();
    marks.set(video, reached);
    const names = ['start', '25%', '50%', '75%'].slice(0, 1 + (Math.floor(share * 4) || 0));
    if (ended) names.push('end');
    for (const mark of names) {
      if (reached.has(mark)) continue;
      reached.add(mark);
      tell(`Video ${mark}`, { video: video.dataset.video || name || '(unnamed)' });
    }
  };

  const played = ({ type, target: video }) => {
    if (video.localName !== 'video' || (video.autoplay && video.muted)) return;
    const file = /^https?:/.test(video.currentSrc) && new URL(video.currentSrc).pathname.split('/').pop();
    seen(video, video.currentTime / video.duration, type === 'ended', file);
  };
  ['play', 'timeupdate', 'ended'].forEach((name) => listen(name, played));

  // Players in frames speak one of three protocols; some post only on request.
  const ask = (frame, message) => frame.contentWindow?.postMessage(message, '*');
  const greet = (frame) => {
    ask(frame, '{"event":"listening","channel":"widget"}');
    for (const value of ['play', 'timeupdate', 'ended']) {
      ask(frame, JSON.stringify({ method: 'addEventListener', value }));
      ask(frame, JSON.stringify({ context: 'player.js', method: 'addEventListener', value, listener: value }));
    }
  };
  const share = ({ seconds, duration } = {}) => seconds / duration;
  const posted = ({ source, data }) => {
    const frame = [...document.querySelectorAll('iframe')].find((candidate) => candidate.contentWindow === source);
    if (!frame) return;
    let message = data;
    try {
      if (typeof data === 'string') message = JSON.parse(data);
    } catch {
      return;
    }
    const { event, info, value } = message || {};
    if (event === 'onReady' || event === 'ready' || event === 'initialDelivery') greet(frame);
    // YouTube: `info` has the time in parts; a player state of 0 is the end, 1 is playing.
    if (info && typeof info === 'object') {
      const state = marks.get(frame)?.info || {};
      const known = Object.assign(state, info);
      if (known.playerState === 1 || known.playerState === 0) seen(frame, known.currentTime / known.duration, known.playerState === 0, frame.title);
      (marks.get(frame) || marks.set(frame, new Set()).get(frame)).info = known;
    } else if (/^(play|timeupdate|playProgress|ended|finish)$/.test(event)) {
      seen(frame, share(message.data || value), /^(ended|finish)$/.test(event), frame.title);
    }
  };
  listen('message', posted);
  const greetAll = () => document.querySelectorAll('iframe').forEach(greet);
  greetAll();
  listen('load', ({ target }) => target.localName === 'iframe' && greet(target));

  if ('problems' in options) {
    const met = new Set();
    const problem = (kind) => {
      if (met.has(kind)) return;
      met.add(kind);
      tell('problem', { kind }, false);
    };
    // A page may give its errors any name, with any text in it.
    const name = (error) => (error && /^[A-Za-z]{0,20}Error$/.test(error.name) ? error.name : 'other');
    listen('error', (event) => problem(event instanceof ErrorEvent ? name(event.error) : 'resource'));
    listen('unhandledrejection', (event) => problem(name(event.reason)));
  }
}
