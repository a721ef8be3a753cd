// The single-page section: three views by `pushState`, as in a framework's router. It never calls the tracker, which
// notices the changed address itself.
(function () {
  const views = {
    '/demo/app/mood': ['By mood', 'Restless: The Salt Road. Wide awake: Small Hours. Grateful: The Blue Hour.'],
    '/demo/app/time': ['By time', 'Ten minutes: a poem. One tram ride: a story. A whole Sunday: The Weavers.'],
    '/demo/app/place': ['By place', 'On a beach: Tidewater. Under a lamp: Field Notes on Light. On the stairs: The Salt Road.'],
  };
  const pane = document.getElementById('pane');
  const start = [pane.children[0].textContent, pane.children[1].textContent];
  const links = [...document.querySelectorAll('.tabs a')];

  function render() {
    const [title, text] = views[location.pathname] || start;
    pane.children[0].textContent = title;
    pane.children[1].textContent = text;
    for (const link of links) {
      if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  for (const link of links) {
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      if (link.pathname !== location.pathname) history.pushState({}, '', link.href);
      render();
    });
  }
  window.addEventListener('popstate', render);
  render();
})();
