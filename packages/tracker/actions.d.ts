export interface ActionOptions {
  /** File endings that make a link a download, such as `pdf zip`. */
  downloads?: string;
  /** Reports script errors, by their kind only. */
  problems?: boolean;
}

export function actions(options?: ActionOptions): void;
