import {
  byGeneration,
  hashEnvironment,
  type OrderedRelease,
  releaseName,
  nextIteration,
} from '../shipper/index.ts';

/** A Release as the Application's history needs it. */
export interface HistoryRelease extends OrderedRelease {
  readonly hash: string;
  readonly iteration: number;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly isLeaving: boolean;
}

export interface ApplicationSeen {
  readonly name: string;
  readonly template: Readonly<Record<string, unknown>>;
  /** The highest generation of a Release that was ever seen. */
  readonly highestObserved: number | undefined;
  readonly releases: readonly HistoryRelease[];
}

export type ApplicationStep =
  /** The template is what the newest Release has. */
  | { readonly kind: 'in-step'; readonly contender: HistoryRelease; readonly highestObserved: number }
  /** The newest Release was deleted: the template goes back to the one before. */
  | { readonly kind: 'abort'; readonly to: HistoryRelease }
  | {
      readonly kind: 'create';
      readonly release: string;
      readonly hash: string;
      readonly iteration: number;
      readonly generation: number;
    }
  /** All Releases are being deleted; the next one, which may have the same name, comes when they are gone. */
  | { readonly kind: 'wait-for-removal' };

/** What an Application needs next, once its chart's version is resolved. */
export function planApplication({
  name,
  template,
  highestObserved,
  releases,
}: ApplicationSeen): ApplicationStep {
  const staying = releases.filter(({ isLeaving }) => !isLeaving);
  const contender = byGeneration(staying).at(-1) as HistoryRelease | undefined;
  if (!contender) {
    if (releases.length > 0) return { kind: 'wait-for-removal' };
    return create({ name, template, releases, generation: 0 });
  }
  if (highestObserved !== undefined && contender.generation < highestObserved) {
    return { kind: 'abort', to: contender };
  }
  if (hashEnvironment(contender.environment) === hashEnvironment(template)) {
    return { kind: 'in-step', contender, highestObserved: contender.generation };
  }
  // One that is just leaving has its generation still.
  const generation = Math.max(highestObserved ?? 0, ...releases.map((each) => each.generation)) + 1;
  return create({ name, template, releases, generation });
}

function create({
  name,
  template,
  releases,
  generation,
}: Pick<ApplicationSeen, 'name' | 'template' | 'releases'> & {
  readonly generation: number;
}): ApplicationStep {
  const hash = hashEnvironment(template);
  const iteration = nextIteration(
    releases.filter((each) => each.hash === hash).map((each) => each.iteration),
  );
  return { kind: 'create', release: releaseName(name, hash, iteration), hash, iteration, generation };
}
