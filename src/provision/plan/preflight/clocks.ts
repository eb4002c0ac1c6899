import type { Refusal } from '../steps.ts';
import { about, type Candidate } from './candidate.ts';

const refusedSeconds = 30;
const warnedSeconds = 2;

export interface Clocks {
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Refusal[];
}

/** Against the middle of all clocks, ours among them: two machines alone can't tell who is right. */
export function clocks(candidates: readonly Candidate[]): Clocks {
  const skews = candidates.map(({ facts }) => facts.clockSeconds - facts.askedAtSeconds);
  const sorted = [...skews, 0].toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const off = candidates.map((each, index) => ({ each, seconds: (skews[index] ?? 0) - middle }));
  const tell = ({ each, seconds }: (typeof off)[number]) =>
    about(
      each,
      'ClockSkew',
      `its clock is ${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead' : 'behind'}: let it follow a time server`,
    );
  return {
    refusals: off.filter(({ seconds }) => Math.abs(seconds) > refusedSeconds).map(tell),
    warnings: off
      .filter(({ seconds }) => Math.abs(seconds) > warnedSeconds && Math.abs(seconds) <= refusedSeconds)
      .map(tell),
  };
}
