/*
 * Consent, as far as the tracker has to wait for it: an extension for sites that measure campaigns with their visitors'
 * consent. It must never ask for consent itself, store it, or take silence for it.
 *
 *   <script defer src="/js/sillage.consent.js"></script>
 *   <script defer src="/js/sillage.js" data-site="shop.example" data-consent="pending"></script>
 *
 * It stands before the tracker. What it adds:
 * - While `data-consent` is `pending`, a pageview whose address names a campaign waits, since the name would be lost
 *   without consent and the answer comes seconds later. It goes as soon as the attribute changes, and at the latest before
 *   the next event, or when the page is hidden or left. It is sent once, with or without consent.
 * - Where a page has an IAB TCF v2 platform (`__tcfapi`), its answer sets the attribute. Needed are the purposes 7 (which
 *   campaign brings visits: advertising performance) and 8 (what these visits see: content performance), or those that
 *   `data-purposes` names on this script's tag. The publisher measures for itself, so it is the publisher's own section that
 *   counts (`publisher.consents`), and the general one (`purpose.consents`) only where the platform keeps no publisher
 *   section. Legitimate interest is no consent. Where the platform says that the GDPR does not apply nobody was asked, and
 *   consent is not given.
 */
(function (window, document) {
  const tag = document.querySelector('script[data-consent]');
  if (!tag) return;

  const campaign = /[?&](utm_\w+|mc_.id|_g[al]|\w*cl(k|ick)?id|[gw]braid)=/i;
  const purposes = (document.currentScript && document.currentScript.dataset.purposes || '7 8').split(' ');

  // What sends the pageview that waits.
  let waiting;
  let going;

  const go = () => {
    const send = waiting;
    waiting = undefined;
    going = true;
    if (send) send();
    going = false;
  };

  const sillage = window.sillage = window.sillage || function () {
    (sillage.q = sillage.q || []).push(arguments);
  };
  sillage.hold = (event, send) => {
    if (going) return false;
    go();
    if (tag.dataset.consent !== 'pending' || event.n !== 'pageview' || !campaign.test(event.u)) return false;
    waiting = send;
    return true;
  };

  new MutationObserver(go).observe(tag, { attributeFilter: ['data-consent'] });
  document.addEventListener('visibilitychange', go);
  window.addEventListener('pagehide', go);

  if (typeof window.__tcfapi === 'function') {
    window.__tcfapi('addEventListener', 2, (data, success) => {
      if (!success || !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus)) return;
      const own = data.publisher && data.publisher.consents || {};
      const consents = Object.keys(own).length ? own : data.purpose && data.purpose.consents || {};
      tag.dataset.consent = purposes.every((purpose) => consents[purpose]) ? 'granted' : 'denied';
    });
  }
})(window, document);
