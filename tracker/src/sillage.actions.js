/*
 * Uses of a page that need no line of code: an extension of the tracker. It must never read what somebody typed or chose in
 * a form, the text of an error or of a page, or an address beyond what is named here.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *   <script defer src="/js/sillage.actions.js" data-downloads="pdf zip" data-problems></script>
 *
 * | what | action | property |
 * |---|---|---|
 * | a link to a file, by its ending (`data-downloads`, or the list below) or its `download` attribute | `Download` | `file`: path of the file |
 * | a link to another host | `Outbound` | `host`: that host |
 * | a form sent | `Form` | `form`: its `name`, else its `id` |
 * | a video started, its quarters reached, its end | `Video start`, `Video 25%`, `Video 50%`, `Video 75%`, `Video end` | `video`: `data-video`, else the name of its file |
 * | a click on an element with `data-sillage-action`, or that form sent | what the attribute says | each `data-sillage-prop-…`, in small letters |
 * | with `data-problems`: a script failed, a promise was left broken, a file did not load | `problem` | `kind`: `TypeError` and the like, `resource`, or `other` |
 *
 * The collector keeps a property only if the site declares its name. Each mark of a video and each kind of problem counts
 * once a page load. Videos that play by themselves without sound are decoration and not counted; players in a frame of
 * another site cannot be seen: call `sillage('Video start', …)` from their own events.
 */
(function (window, document) {
  const { dataset } = document.currentScript || {};
  const options = dataset || {};
  const files = (options.downloads || 'pdf doc docx odt rtf txt csv xls xlsx ods ppt pptx odp epub zip gz tgz rar 7z dmg exe msi deb rpm '
    + 'apk iso mp3 wav ogg flac mp4 webm mov ics svg').split(' ');

  const tell = (name, props, interactive) => window.sillage && window.sillage(name, { props, interactive });
  const listen = (name, then, target) => (target || document).addEventListener(name, then, true);
  const above = (event, selector) => event.target.closest && event.target.closest(selector);

  const declared = (element) => {
    const props = {};
    for (const { name, value } of element.attributes) {
      if (/^data-sillage-prop-./.test(name)) props[name.slice(18)] = value;
    }
    tell(element.dataset.sillageAction, props);
  };

  const clicked = (event) => {
    if (event.button > 1) return;
    const marked = above(event, '[data-sillage-action]');
    if (marked && marked.tagName !== 'FORM') return declared(marked);
    const link = above(event, 'a[href]');
    if (!link || !/^https?:$/.test(link.protocol)) return;
    const ending = /\.(\w+)$/.exec(link.pathname);
    if (link.hasAttribute('download') || (ending && files.includes(ending[1].toLowerCase()))) tell('Download', { file: link.pathname });
    else if (link.host !== location.host) tell('Outbound', { host: link.hostname });
  };
  listen('click', clicked);
  listen('auxclick', clicked);

  listen('submit', ({ target }) => {
    if (target.hasAttribute('data-sillage-action')) declared(target);
    // A field may be called `name` or `id`, and would answer for the form.
    else tell('Form', { form: target.getAttribute('name') || target.getAttribute('id') || '(unnamed)' });
  });

  const marks = new WeakMap();
  const watched = ({ type, target: video }) => {
    if (video.tagName !== 'VIDEO' || (video.autoplay && video.muted)) return;
    const reached = marks.get(video) || new Set();
    marks.set(video, reached);
    const quarter = Math.floor(video.currentTime / video.duration * 4);
    const names = ['start', '25%', '50%', '75%'].slice(0, 1 + (quarter || 0));
    if (type === 'ended') names.push('end');
    const file = /^https?:/.test(video.currentSrc) && new URL(video.currentSrc).pathname.split('/').pop();
    for (const name of names) {
      if (reached.has(name)) continue;
      reached.add(name);
      tell(`Video ${name}`, { video: video.dataset.video || file || '(unnamed)' });
    }
  };
  ['play', 'timeupdate', 'ended'].forEach((name) => listen(name, watched));

  if ('problems' in options) {
    const met = new Set();
    const problem = (kind) => {
      if (met.has(kind)) return;
      met.add(kind);
      tell('problem', { kind }, false);
    };
    const name = (error) => (error instanceof Error || error instanceof DOMException ? error.name : 'other');
    listen('error', (event) => problem(event instanceof ErrorEvent ? name(event.error) : 'resource'), window);
    listen('unhandledrejection', (event) => problem(name(event.reason)), window);
  }
})(window, document);
