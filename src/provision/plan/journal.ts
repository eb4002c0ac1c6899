/**
 * One line of the journal. An `intent` is stored before the mutation it names, so that after a crash somebody knows whose
 * half-done work this is.
 */
export interface JournalRecord {
  /** RFC 3339. */
  readonly at: string;
  /** One run of the engine. */
  readonly operation: string;
  /** Id of the step, such as `m1/join-control-plane`. */
  readonly step: string;
  readonly attempt: number;
  readonly event: 'intent' | 'started' | 'done' | 'failed' | 'interrupted' | 'undone';
  /** Hash of what the step was to do. */
  readonly inputs: string;
  /** Facts for whoever comes next: a peer URL, a node's UID, an exit code. Never a secret. */
  readonly evidence: Readonly<Record<string, string>>;
  readonly message: string | undefined;
}

/** Latest word on a step: `open` was started and not ended. */
export function lastWordOn(journal: readonly JournalRecord[], step: string): JournalRecord | undefined {
  return journal.findLast((record) => record.step === step && record.event !== 'intent');
}

/** Intents without an end after them: what a killed engine may have half done. */
export function openIntents(journal: readonly JournalRecord[]): readonly JournalRecord[] {
  const ended = new Set(['done', 'failed', 'undone']);
  return journal.filter(
    (record, index) =>
      record.event === 'intent' &&
      !journal.slice(index + 1).some((later) => later.step === record.step && ended.has(later.event)),
  );
}
