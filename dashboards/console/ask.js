// Requests to the API: one a view. A shared page sends the site and key of its link along.

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const shared = /^\/share\/([^/?]+)/.exec(location.pathname)?.[1];
const key = new URLSearchParams(location.search).get('key');

/** Name of the site that this page was shared for, or undefined. */
export const sharedSite = shared && decodeURIComponent(shared);

export async function ask(path, query) {
  const headers = { ...(query && { 'content-type': 'application/json' }), ...(sharedSite && { 'x-sillage-share': key ? `${sharedSite} ${key}` : sharedSite }) };
  const response = await fetch(path, { headers, ...(query && { method: 'POST', body: JSON.stringify(query) }) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error ?? `The console answered ${response.status}.`);
  return answer;
}

/** Sends all queries of a view in one request: name → query, answered as name → answer. */
export const askView = (queries) => ask('/api/view', { queries });
