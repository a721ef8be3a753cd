/*
 * Uses of a page that need no line of code: an extension of the tracker. It must never read what somebody typed or chose in
 * a form, the text of an error or of a page, or an address beyond what is named here.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *   <script defer src="/js/sillage.actions.js" data-downloads="pdf zip" data-problems></script>
 *
 * | what | action | property |
 * |---|---|---|
 * | a link to a file, by its ending (`data-downloads`, or the list below) or its `download` attribute | `Download` | `file`: path of the file; of one that the page makes itself (`blob:`, `data:`) the name that it is saved under |
 * | a link to another host | `Outbound` | `host`: that host |
 * | a `mailto:` or `tel:` link | `Mail`, `Call` | none: the address is a person's |
 * | a form sent | `Form` | `form`: its `name`, else its `id` |
 * | a click on an element with `data-sillage-action`, or that form sent | what the attribute says | each `data-sillage-prop-…`, in small letters |
 *
 * Links are those of HTML and SVG and the areas of a map, also inside of open shadow roots. A form that the page's own
 * check holds back, or whose `method` is `dialog`, was not sent; `form.submit()` sends it. A page that sends a form by a
 * script says so by `data-sillage-action` on it, or by `sillage('Form', …)`.
 *
 * The collector keeps a property only if the site declares its name. Videos, players in frames and problems are watched by
 * sillage.watch.js, which stands beside this script and is loaded where a page has one of them.
 */

/**
 * Starts telling; `options` are `downloads`, the endings of files, and `problems`; `load` fetches another extension. STANDALONE is a constant of the build: a script of its own.
 */
export function tellActions(options, load) {
  const files = options.downloads || 'pdf docx? xlsx? pptx? od[tsp] rtf txt csv epub zip t?gz rar 7z dmg exe msi deb rpm apk iso mp[34] wav ogg '
    + 'flac webm mov ics svg';

  // What happens before the tracker is there waits in the queue that it reads.
  const tell = (name, props) => {
    if (STANDALONE) {
      window.sillage = window.sillage || function () {
        (window.sillage.q = window.sillage.q || []).push(arguments);
      };
    }
    window.sillage(name, { props });
  };
  const listen = (name, then, target) => (target || window).addEventListener(name, then, true);
  const named = (element, name) => element?.getAttribute?.(name);

  const isDeclared = (element) => {
    const action = named(element, 'data-sillage-action');
    const props = {};
    if (action) {
      for (const { name, value } of element.attributes) {
        if (/^data-sillage-prop-./.test(name)) props[name.slice(18)] = value;
      }
      tell(action, props);
    }
    return action;
  };

  const followed = (link, written) => {
    try {
      const { protocol, pathname: file, host, hostname } = new URL(written, document.baseURI);
      const saved = named(link, 'download');
      if (/^(mail|tel)/.test(protocol)) tell(protocol > 'n' ? 'Call' : 'Mail');
      else if (/^(blob|data)/.test(protocol)) saved == null || tell('Download', { file: saved || '(unnamed)' });
      else if (/^http/.test(protocol)) {
        if (saved != null || RegExp(`\\.(${files.replace(/[ ,]+/g, '|')})$`, 'i').test(file)) tell('Download', { file });
        else if (host !== location.host) tell('Outbound', { host: hostname });
      }
    } catch {}
    return 1;
  };
  const clicked = (event) => event.button > 1 || event.composedPath().some((element) => {
    // A form's event stays inside of its shadow root.
    if (element.host) listen('submit', submitted, element);
    if (element.localName === 'form') return 0;
    const written = /^a(rea)?$/.test(element.localName) && (named(element, 'href') || named(element, 'xlink:href'));
    return isDeclared(element) || (written && followed(element, written));
  });
  listen('click', clicked);
  listen('auxclick', clicked);

  // A field may be called `name`, `id` or `method`, and would answer for the form.
  const sent = (form, method) => {
    if (!/^dialog$/i.test(method || named(form, 'method'))) tell('Form', { form: named(form, 'name') || named(form, 'id') || '(unnamed)' });
  };
  const submitted = (event) => {
    const { target, submitter, currentTarget } = event;
    // The page's own listeners hold it back after this one, and before one that is added now and hears it last.
    isDeclared(target) || currentTarget.addEventListener('submit', () => event.defaultPrevented || sent(target, named(submitter, 'formmethod')), { once: true });
  };
  listen('submit', submitted);
  const { submit } = HTMLFormElement.prototype;
  HTMLFormElement.prototype.submit = function () {
    isDeclared(this) || sent(this);
    submit.apply(this);
  };

  const watch = () => {
    if (!watched && ('problems' in options || document.querySelector('video,iframe'))) {
      watched = 1;
      load('.watch.js');
    }
  };
  let watched;
  watch();
  listen('load', watch);
  listen('play', watch);
}
