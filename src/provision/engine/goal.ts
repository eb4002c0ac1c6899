import type { RestoreWish } from '../plan/restore.ts';

/** What a cluster is worked on for. */
export type Goal =
  /** All that its spec asks for; upgrades too. */
  | { readonly kind: 'apply'; readonly forgetUnreachable?: readonly string[] }
  /** Let go of, as its deletionPolicy says. */
  | { readonly kind: 'delete'; readonly forgetUnreachable?: readonly string[] }
  /** Certificates that are due; with `force` all of them. `machines`: only theirs. */
  | {
      readonly kind: 'renew-certificates';
      readonly force: boolean;
      readonly machines?: readonly string[] | undefined;
    }
  /** `purpose` says what for: `by request`, `by schedule`. */
  | { readonly kind: 'back-up'; readonly purpose: string }
  | { readonly kind: 'restore'; readonly wish: RestoreWish };
