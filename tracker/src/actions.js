/*
 * Actions that need no code on the page: an extension of the tracker. It must never read input of a form, the text of
 * an error or of a page, or an address beyond those named here.
 *
 *   <script defer src="/js/sillage.js" data-site="shop.example"></script>
 *   <script defer src="/js/sillage.actions.js" data-downloads="pdf zip" data-problems></script>
 *
 * | use | action | property |
 * |---|---|---|
 * | a link to a file, by its ending (`data-downloads`, or the list below) or its `download` attribute | `Download` | `file`: path of the file; of one that the page makes itself (`blob:`, `data:`) the name that it is saved under |
 * | a link to another host | `Outbound` | `host`: that host |
 * | a `mailto:` or `tel:` link | `Mail`, `Call` | none: the address is a person's |
 * | a form sent | `Form` | `form`: its `name`, else its `id` |
 * | a click on an element with `data-sillage-action`, or that form sent | what the attribute says | each `data-sillage-prop-…`, in small letters |
 *
 * Links are those of HTML and SVG and the areas of a map, also in open shadow roots. A form counts as not sent if the
 * page's own check rejects it or its `method` is `dialog`; `form.submit()` sends it. A page that sends a form by script
 * declares it with `data-sillage-action` on the form, or by `sillage('Form', …)`.
 *
 * The collector keeps a property only if the site declares its name. sillage.watch.js, served beside this script,
 * watches videos, players in frames and problems; it is loaded only on pages that have one of them.
 */

/**
 * Starts sending actions. `options`: `downloads` (file endings) and `problems`; `load` fetches another extension.
 * STANDALONE is a constant of the build: true in a script of its own.
 */
export function tellActions(options, load) {
  const files = options.downloads || 'pdf docx? xlsx? pptx? od[tsp] rtf txt csv epub zip t?gz rar 7z dmg exe msi deb rpm apk iso mp[34] wav ogg '
    + 'flac webm mov ics svg';

  // Actions before the tracker starts wait in its queue.
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
    // A form's event does not leave its shadow root.
    if (element.host) listen('submit', submitted, element);
    if (element.localName === 'form') return 0;
    const written = /^a(rea)?$/.test(element.localName) && (named(element, 'href') || named(element, 'xlink:href'));
    return isDeclared(element) || (written && followed(element, written));
  });
  listen('click', clicked);
  listen('auxclick', clicked);

  // A field called `name`, `id` or `method` shadows the form's own property.
  const sent = (form, method) => {
    if (!/^dialog$/i.test(method || named(form, 'method'))) tell('Form', { form: named(form, 'name') || named(form, 'id') || '(unnamed)' });
  };
  const submitted = (event) => {
    const { target, submitter, currentTarget } = event;
    // The page's own listeners may cancel it after this one; a listener added now runs last.
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
