/** A stage of a step: one kind of target, of the release itself or of the one before it. */
export interface Stage {
  readonly target: 'installation' | 'capacity' | 'traffic';
  readonly of: 'self' | 'predecessor';
}

export interface StageInput {
  readonly hasPredecessor: boolean;
  /** Undefined for the newest release. */
  readonly successor: { readonly hasAchievedTargetStep: boolean } | undefined;
  readonly isSteppingBackwards: boolean;
}

/**
 * The stages of a release in the order in which they are worked on, one at a time. What grows gets capacity
 * before traffic, what shrinks loses traffic before capacity, and something grows before another shrinks.
 * Undefined while the release waits for its successor to reach its step.
 */
export function stagesOf({
  hasPredecessor,
  successor,
  isSteppingBackwards,
}: StageInput): readonly Stage[] | undefined {
  if (successor) {
    if (!successor.hasAchievedTargetStep) return undefined;
    return [installation, ...(isSteppingBackwards ? grow('self') : shrink('self'))];
  }
  if (isSteppingBackwards) {
    return [installation, ...(hasPredecessor ? grow('predecessor') : []), ...shrink('self')];
  }
  return [installation, ...grow('self'), ...(hasPredecessor ? shrink('predecessor') : [])];
}

const installation: Stage = { target: 'installation', of: 'self' };

function grow(of: Stage['of']): readonly Stage[] {
  return [
    { target: 'capacity', of },
    { target: 'traffic', of },
  ];
}

function shrink(of: Stage['of']): readonly Stage[] {
  return grow(of).toReversed();
}
