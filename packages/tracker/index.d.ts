/** An event as it is sent to the collector. */
export interface SentEvent {
  /** `pageview`, `engagement`, `timing`, or an action's name. */
  n: string;
  /** The page's address. */
  u: string;
  /** The address of the page before. */
  r?: string;
  /** The site. */
  d?: string;
  /** An action's properties. */
  p?: Record<string, string | number | boolean>;
  /** False leaves the bounce as it is. */
  i?: boolean;
  /** Engaged milliseconds since the last report. */
  e?: number;
  /** Scroll depth in percent. */
  sd?: number;
  /** Scroll depth that an earlier report of the same view told. */
  sb?: number;
  /** 1 with the visitor's consent. */
  c?: 1;
  /** 1 where the fragment is part of the page. */
  h?: 1;
  /** Width of the window in CSS pixels. */
  w: number;
  /** Version of the event's format. */
  v: number;
}

export interface Options {
  /** Name of the site; without it the collector goes by the page's host. */
  site?: string;
  /** Where events go; `/api/event` of the page's own origin by default. */
  api?: string;
  /** The router lives in the fragment. */
  hash?: boolean;
  /** Query parameters that are part of a page, such as `page lang`. */
  query?: string | string[];
  /** The page does not exist. */
  notFound?: boolean;
  /** No pageviews by itself. */
  manual?: boolean;
  /** Counts the page in a frame too. */
  frames?: boolean;
  /** Counts browsers that a program drives. */
  automation?: boolean;
  /** `required`: nothing is sent before the visitor's consent. */
  consent?: 'granted' | 'denied' | 'pending' | 'required';
  /** Gets each event before it is sent; returns what is sent instead, or nothing to send nothing. */
  transformRequest?: (event: SentEvent) => SentEvent | null | undefined | false;
}

export interface Given {
  props?: Record<string, string | number | boolean>;
  interactive?: boolean;
  /** Another page than the one that is shown. */
  u?: string;
  /** Called when the event was sent, or when it is certain that it will not be. */
  callback?: (response?: unknown) => void;
}

export function init(options?: Options): void;
export function track(name: string, given?: Given): void;
export function pageview(given?: Pick<Given, 'u' | 'callback'>): void;
export function consent(given: boolean): void;
export function optOut(): void;
export function optIn(): void;
export function isOptedOut(): boolean;
