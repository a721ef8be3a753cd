/** An event as sent to the collector. */
export interface SentEvent {
  /** Name: `pageview`, `engagement`, `timing`, or an action's name. */
  n: string;
  /** URL of the page. */
  u: string;
  /** Referrer: URL of the page before. */
  r?: string;
  /** Name of the site. */
  d?: string;
  /** Properties of an action. */
  p?: Record<string, string | number | boolean>;
  /** If false, the action does not change whether the visit is a bounce. */
  i?: boolean;
  /** Engaged time since the last report, in milliseconds. */
  e?: number;
  /** Scroll depth in percent. */
  sd?: number;
  /** Scroll depth in percent, as reported earlier for the same view. */
  sb?: number;
  /** 1 if the visitor gave consent. */
  c?: 1;
  /** 1 if the fragment is part of the page. */
  h?: 1;
  /** Width of the window in CSS pixels. */
  w: number;
  /** Version of the event's format. */
  v: number;
}

export interface Options {
  /** Name of the site; by default the collector uses the page's host. */
  site?: string;
  /** URL that events are sent to; by default `/api/event` on the page's own origin. */
  api?: string;
  /** The router keeps its route in the URL's fragment. */
  hash?: boolean;
  /** Query parameters that are part of a page, such as `page lang`. */
  query?: string | string[];
  /** The page does not exist: an action `404` follows its pageview. */
  notFound?: boolean;
  /** Pageviews are sent only by `pageview()`. */
  manual?: boolean;
  /** Pages in a frame are counted too. */
  frames?: boolean;
  /** Browsers driven by a program are counted too. */
  automation?: boolean;
  /** With `required`, nothing is sent before the visitor gives consent. */
  consent?: 'granted' | 'denied' | 'pending' | 'required';
  /** Gets each event before it is sent; returns the event to send, or nothing to drop it. */
  transformRequest?: (event: SentEvent) => SentEvent | null | undefined | false;
}

export interface Given {
  props?: Record<string, string | number | boolean>;
  interactive?: boolean;
  /** URL of another page than the current one. */
  u?: string;
  /** Called once the event was sent or dropped. */
  callback?: (response?: unknown) => void;
}

export function init(options?: Options): void;
export function track(name: string, given?: Given): void;
export function pageview(given?: Pick<Given, 'u' | 'callback'>): void;
export function consent(given: boolean): void;
export function optOut(): void;
export function optIn(): void;
export function isOptedOut(): boolean;
