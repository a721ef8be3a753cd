/*
 * Consent, as far as the tracker has to wait for it: an extension for sites that ask their visitors. It must never ask for
 * consent itself, store it, or take silence for it.
 *
 *   <script defer src="/js/sillage.consent.js"></script>
 *   <script defer src="/js/sillage.js" data-site="shop.example" data-consent="pending"></script>
 *
 * It stands before the tracker. What it adds:
 * - While `data-consent` is `pending`, a pageview whose address names a campaign waits, since the name would be lost
 *   without consent and the answer comes seconds later. It goes as soon as the answer is there, and at the latest before
 *   the next event, or when the page is hidden or left. It is sent once, with or without consent.
 * - Where a page has an IAB TCF v2 platform (`__tcfapi`), its answer is taken. Needed are the purposes 7 (which campaign
 *   brings visits: advertising performance) and 8 (what these visits see: content performance); with
 *   `data-consent="required"`, where the whole measurement waits for it, 8 and 9 (understand audiences through statistics);
 *   or those that `data-purposes` names on this script's tag. The publisher measures for itself, so it is the publisher's
 *   own section that counts (`publisher.consents`), and the general one (`purpose.consents`) only where the platform keeps
 *   no publisher section. Legitimate interest is not consent. Where the platform says that the GDPR does not apply,
 *   visitors were not asked, and consent is not given.
 */

/**
 * Starts following; `options` may hold `purposes`, `tag` is the tracker's element with `data-consent`, `early` is what the
 * tracker finds in `sillage`.
 */
export function followConsent(options, tag, early) {
  const required = tag.dataset.consent === 'required';
  const campaign = /[?&](utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=/i;

  // What sends the pageview that waits.
  let waiting;

  // The tracker asks before each event, and calls without one when the answer changed or the page is hidden or left.
  early.hold = (event, send, answer) => {
    // What waited is being sent just now.
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
