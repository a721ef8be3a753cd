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

  // The tracker calls this before each event, and without one when the answer changed or the page is hidden or left.
  early.hold = (event, send, answer) => {
    // The waiting pageview is being sent by this very call.
    if (waiting === 0) return;
    const before = waiting;
    waiting = 0;
    before?.();
    waiting = undefined;
    if (answer === 'pending' && event.n === 'pageview' && campaign.test(event.u)) return waiting = send;
  };

  window.__tcfapi?.('addEventListener', 2, ({ eventStatus, publisher, purpose }, success) => {
    if (!success || !/^(tcloaded|useractioncomplete)$/.test(eventStatus)) return;
    const own = publisher?.consents || {};
    const consents = Object.keys(own).length ? own : purpose?.consents || {};
    const purposes = (options.purposes || (required ? '8 9' : '7 8')).split(' ');
    window.sillage('consent', purposes.every((id) => consents[id]));
  });
}
