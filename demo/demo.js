// The shop's own script: its buttons send actions through the tracker, and the strip at the bottom shows the tracker's
// requests, by wrapping `fetch`. It is loaded before the tracker, so that the first pageview is shown too.
(function () {
  const says = document.getElementById('wake-says');
  const sent = document.getElementById('wake-body');
  const dot = document.querySelector('.wake-dot');

  // Answers may arrive out of order: the strip shows the one to the latest event.
  let events = 0;
  let shown = 0;

  function show(text, state, body, number = shown) {
    if (number < shown) return;
    shown = number;
    says.textContent = text;
    dot.dataset.state = state;
    delete dot.dataset.fresh;
    void dot.offsetWidth;
    dot.dataset.fresh = '';
    if (body) sent.textContent = JSON.stringify(body, null, 2);
  }

  function words(event) {
    const path = new URL(event.u).pathname;
    if (event.n === 'pageview') return `Pageview of ${path}`;
    if (event.n === 'engagement') return `${Math.round(event.e / 1000)} s of reading on ${path}, ${event.sd ?? 0} % deep,`;
    return `Action “${event.n}” on ${path}`;
  }

  const plain = window.fetch;
  window.fetch = function (to, options) {
    const answer = plain.apply(this, arguments);
    if (String(to).endsWith('/api/event')) {
      const event = JSON.parse(options.body);
      const number = ++events;
      answer.then((response) => {
        const dropped = response.headers.get('x-sillage-dropped');
        if (dropped) show(`${words(event)}: not counted (${dropped})`, 'dropped', event, number);
        else if (response.status === 202) show(`${words(event)} counted`, 'counted', event, number);
        else show(`${words(event)}: answered ${response.status}`, 'failed', event, number);
      }, () => show('The collector is not responding', 'failed', event, number));
    }
    return answer;
  };

  // Waits for the tracker, which knows both kinds of objection: the browser's signals and the switch.
  document.addEventListener('DOMContentLoaded', () => {
    if (window.sillage?.isOptedOut?.()) show('You or your browser opted out: nothing is sent', 'dropped');
  });

  const told = (element) => JSON.parse(element.dataset.props || '{}');

  document.addEventListener('click', (event) => {
    const used = event.target.closest('a[data-action], button[data-action]');
    if (used) window.sillage(used.dataset.action, { props: told(used) });
  });

  document.addEventListener('submit', (event) => {
    const form = event.target;
    event.preventDefault();
    const props = {};
    for (const field of form.querySelectorAll('[data-prop]')) props[field.dataset.prop] = field.value;
    window.sillage(form.dataset.action, { props });
    document.getElementById('thanks').textContent = 'Thank you. Only the use of this form was counted.';
    form.reset();
  });
})();
