/*
 * Consent, as far as the tracker must wait for it: an extension for sites that ask their visitors. It must never ask
 * for consent itself, store it, or take silence as consent.
 *
 *   <script defer src="/js/sillage.consent.js"></script>
 *   <script defer src="/js/sillage.js" data-site="shop.example" data-consent="pending"></script>
 *
 * It is loaded before the tracker. It adds:
 * - While `data-consent` is `pending`, a pageview whose address names a campaign waits, since its name would be lost
 *   without consent. It is sent once, with or without consent: on the answer, before the next event, or when the page
 *   is hidden or left, whichever is first.
 * - If a page has an IAB TCF v2 platform (`__tcfapi`), its answer is used. The required purposes are 7 (which campaign
 *   brings visits: advertising performance) and 8 (what these visits see: content performance); with
 *   `data-consent="required"`, where all measurement waits, 8 and 9 (understand audiences through statistics); or those
 *   in `data-purposes` of this script's tag. The publisher measures for itself, so its own section counts
 *   (`publisher.consents`); the general one (`purpose.consents`) counts only if the platform has no publisher section.
 *   Legitimate interest is not consent. If the platform reports that the GDPR does not apply, visitors were not asked,
 *   and consent is not given.
 * - With `data-device-model` on this script's tag, and consent, the browser of an Android device is asked for its model
 *   (`navigator.userAgentData`), which pageviews carry as `dm`. It is asked once a page, after consent only; the first
 *   pageview waits for it as for an answer.
 */

/**
 * Starts following the answers. `options` may hold `purposes`; `tag` is the tracker's element with `data-consent`;
 * `early` is the object that the tracker finds in `sillage`.
 */
export function followConsent(options, tag, early) {
  const required = tag.dataset.consent === 'required';
  const campaign = /[?&](utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=/i;

  // Sends the waiting pageview; 0 while it is being sent.
  let waiting;
  let model;
  let asked;

  // Asks the browser for the model; whether its answer is outstanding.
  const ask = () => {
    const { userAgentData } = navigator;
    if (!asked && 'deviceModel' in options && userAgentData?.platform === 'Android') {
      asked = 1;
      const told = (hints) => {
        model = hints.model || '';
        early.hold();
      };
      userAgentData.getHighEntropyValues(['model']).then(told, told);
    }
    return asked && model === undefined;
  };

  // The tracker calls this before each event, and without one when the answer changed or the page is hidden or left.
  early.hold = (event, send, answer) => {
    if (waiting !== 0) {
      // After a yes the model comes first. A page that is hidden may be going.
      if (!event && waiting && tag.dataset.consent === 'granted' && !document.hidden && ask()) return;
      const before = waiting;
      waiting = 0;
      before?.();
      waiting = undefined;
      if (event?.n === 'pageview' && (answer === 'pending' ? campaign.test(event.u) : answer === 'granted' && ask())) return waiting = send;
    }
    // Also of the waiting pageview, which is being sent by a call of this function.
    if (event?.n === 'pageview' && answer === 'granted') event.dm = model;
  };

  window.__tcfapi?.('addEventListener', 2, ({ eventStatus, publisher, purpose }, success) => {
    if (!success || !/^(tcloaded|useractioncomplete)$/.test(eventStatus)) return;
    const own = publisher?.consents || {};
    const consents = Object.keys(own).length ? own : purpose?.consents || {};
    const purposes = (options.purposes || (required ? '8 9' : '7 8')).split(' ');
    window.sillage('consent', purposes.every((id) => consents[id]));
  });
}
