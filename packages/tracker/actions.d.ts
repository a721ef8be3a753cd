export interface ActionOptions {
  /** Endings of files whose links are downloads, such as `pdf zip`. */
  downloads?: string;
  /** Tells script errors, by kind alone. */
  problems?: boolean;
}

export function actions(options?: ActionOptions): void;
