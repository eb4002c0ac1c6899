import { shipperLabels } from '../../../api/shipper.booking.com/v1alpha1/names.ts';

/** A Service of a chart. */
export interface ChartService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>> | undefined;
}

export type ProductionService =
  | {
      readonly kind: 'found';
      readonly name: string;
      /** What it must select, for traffic to follow the labels of pods. */
      readonly selector: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'invalid-chart'; readonly message: string };

/** The label that charts made by `helm create` select by. It ties the Service to one release for ever. */
const helmReleaseLabel = 'release';

/** Picks the one Service of a chart that traffic is steered by, and gives it the selector for it. */
export function productionService(
  services: readonly ChartService[],
  owner: { readonly application: string; readonly release: string; readonly workaround: string | undefined },
): ProductionService {
  const marked = services.filter(({ labels }) => labels[shipperLabels.lb] === 'production');
  // A lone Service needs no mark.
  const candidates = marked.length === 0 && services.length === 1 ? services : marked;
  const [service] = candidates;
  if (service === undefined || candidates.length !== 1) {
    return invalid(
      `one and only one v1.Service object with label "${shipperLabels.lb}" is required, ` +
        `but ${candidates.length} found instead: give the label "${shipperLabels.lb}: production" ` +
        'to the Service that gets the traffic',
    );
  }

  const { [helmReleaseLabel]: selectedRelease, ...others } = service.selector ?? {};
  if (selectedRelease !== undefined) {
    const problem = workaroundProblem(service.name, owner.workaround);
    if (problem !== undefined) return invalid(problem);
  }
  // Only the value that the chart's own template gives is taken out; another one was written on purpose.
  const kept = selectedRelease === owner.release ? others : (service.selector ?? {});
  return {
    kind: 'found',
    name: service.name,
    selector: { ...kept, [shipperLabels.app]: owner.application, [shipperLabels.trafficStatus]: 'enabled' },
  };
}

function workaroundProblem(service: string, workaround: string | undefined): string | undefined {
  const label = shipperLabels.helmReleaseWorkaround;
  switch (workaround) {
    case 'true':
      return undefined;
    case undefined:
    case 'false':
      return (
        `the chart contains "${helmReleaseLabel}" label in the selector of Service object "${service}". ` +
        'This will break shipper traffic shifting logic. ' +
        `Consider adding the workaround label "${label}: true" to your Application object`
      );
    default:
      return `unexpected value for label "${label}": "${workaround}". Expected values: true/false`;
  }
}

function invalid(message: string): ProductionService {
  return { kind: 'invalid-chart', message };
}
