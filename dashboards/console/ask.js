// Asking the console: one request a view. A shared page says with each request what it was shared by.

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const shared = /^\/share\/([^/?]+)/.exec(location.pathname)?.[1];
const key = new URLSearchParams(location.search).get('key');

/** The site that this page was shared for, or nothing. */
export const sharedSite = shared && decodeURIComponent(shared);

export async function ask(path, question) {
  const headers = { ...(question && { 'content-type': 'application/json' }), ...(sharedSite && { 'x-sillage-share': key ? `${sharedSite} ${key}` : sharedSite }) };
  const response = await fetch(path, { headers, ...(question && { method: 'POST', body: JSON.stringify(question) }) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error ?? `The console answered ${response.status}.`);
  return answer;
}

/** All questions of a view at once: name → question, answered as name → answer. */
export const askView = (questions) => ask('/api/view', { questions });
