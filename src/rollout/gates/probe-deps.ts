import type { Clock } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import type { Member } from '../../members/index.ts';

export interface GateTimeouts {
  /** Of a question to Prometheus or to a webhook. */
  readonly webMs: number;
  /** Of a call to the host or to a member. */
  readonly apiMs: number;
}

export interface ProbeDeps {
  readonly clock: Clock;
  readonly host: ApiClient;
  readonly members: { get(name: string): Member | undefined };
  readonly timeouts: GateTimeouts;
}

/** Longer than any sane instant query, shorter than a person's patience. */
export const defaultTimeouts: GateTimeouts = { webMs: 10_000, apiMs: 10_000 };

/** An answer of a gate is small; more than this is a page that someone put there by mistake. */
export const maxAnswerBytes = 1024 * 1024;
