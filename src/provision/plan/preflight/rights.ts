import type { Refusal } from '../steps.ts';
import { about, type Candidate } from './candidate.ts';

/** Of nodes too: without root most of what they have can't be seen, and nothing is planned on that. */
export function rights(each: Candidate): readonly Refusal[] {
  if (each.facts.isRoot || each.facts.canSudo) return [];
  return [
    about(
      each,
      'SudoFailed',
      'its user may not become root: let sudo ask for no password, or put sudo-password into the credential',
    ),
  ];
}
