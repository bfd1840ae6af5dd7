/** Whether the stream is received and from which server, or why not: for a service manager. */
export type LinkState =
  | { readonly up: true; readonly upstream: string }
  | { readonly up: false; readonly reason: string };
