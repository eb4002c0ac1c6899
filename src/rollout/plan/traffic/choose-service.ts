import { trafficLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { Labels } from './selector.ts';
import { readSteering } from './steering.ts';

export type ServiceChoice =
  | { readonly kind: 'chosen'; readonly service: KubeObject; readonly selector: Labels }
  | { readonly kind: 'none'; readonly reason: 'SourceNotFound' | 'InvalidSpec'; readonly message: string };

export interface ServiceQuestion {
  readonly services: readonly KubeObject[];
  /** From spec.traffic.service. */
  readonly named: string | undefined;
  /** Of the pods, for each workload. */
  readonly podLabels: readonly Labels[];
  /** Name of the Rollout. */
  readonly rollout: string;
  /** `namespace shop of member m1`, for the message. */
  readonly where: string;
}

/** The Service whose traffic a rollout steers: the named one, else the only one that selects the pods. */
export function chooseService(question: ServiceQuestion): ServiceChoice {
  const { services, named, podLabels, rollout, where } = question;
  if (named !== undefined) {
    const service = services.find(({ metadata }) => metadata.name === named);
    if (!service) {
      return none(
        'SourceNotFound',
        `there is no Service ${named} in ${where}: create it, or set spec.traffic.service to one that exists`,
      );
    }
    return judge(service, rollout);
  }
  const fitting = services.filter((service) => {
    const selector = selectorOf(service);
    return selector !== undefined && podLabels.some((labels) => selects(selector, labels));
  });
  // A headless twin of an ordinary Service is for peers that find one another, not for clients.
  const ordinary = fitting.filter((service) => specOf(service)['clusterIP'] !== 'None');
  const [service, ...others] = ordinary.length > 0 ? ordinary : fitting;
  if (!service) {
    return none(
      'SourceNotFound',
      `no Service in ${where} selects the pods (labels ${podLabels.map(labelsText).join(' or ') || 'unknown'}): create one, name it in spec.traffic.service, or leave traffic out of the steps`,
    );
  }
  if (others.length > 0) {
    const names = [service, ...others].map(({ metadata }) => metadata.name).sort();
    return none(
      'InvalidSpec',
      `the Services ${names.join(', ')} in ${where} all select the pods: set spec.traffic.service to the one whose traffic is steered`,
    );
  }
  return judge(service, rollout);
}

/** What a Service selects beside the traffic label; undefined for one that selects nothing. */
export function selectorOf(service: KubeObject): Labels | undefined {
  const { selector } = specOf(service);
  if (!isJsonObject(selector)) return undefined;
  const { [trafficLabel]: _, ...own } = selector as Labels;
  return Object.keys(own).length > 0 ? own : undefined;
}

export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function judge(service: KubeObject, rollout: string): ServiceChoice {
  const { name } = service.metadata;
  const { type, publishNotReadyAddresses } = specOf(service);
  const steering = readSteering(service);
  if (steering && steering.rollout !== rollout) {
    return none(
      'InvalidSpec',
      `Service ${name} is steered by rollout ${steering.rollout} already: wait until that is over, or set spec.traffic.service to another`,
    );
  }
  if (type === 'ExternalName') {
    return none(
      'InvalidSpec',
      `Service ${name} is of type ExternalName and leads to no pods: set spec.traffic.service to one that selects the pods`,
    );
  }
  if (publishNotReadyAddresses === true) {
    return none(
      'InvalidSpec',
      `Service ${name} has publishNotReadyAddresses, so pods that are not ready get traffic too: set spec.traffic.service to one without it`,
    );
  }
  const selector = selectorOf(service);
  if (!selector) {
    return none(
      'InvalidSpec',
      `Service ${name} has no selector, so nobody can say which pods it leads to: give it one, or set spec.traffic.service to another`,
    );
  }
  return { kind: 'chosen', service, selector };
}

function none(reason: 'SourceNotFound' | 'InvalidSpec', message: string): ServiceChoice {
  return { kind: 'none', reason, message };
}

function specOf(service: KubeObject): Readonly<Record<string, unknown>> {
  const { spec } = service;
  return isJsonObject(spec) ? spec : {};
}

function labelsText(labels: Labels): string {
  const entries = Object.entries(labels).filter(([key]) => !key.startsWith('rollout.hansa.dev/'));
  return entries.map(([key, value]) => `${key}=${value}`).join(', ') || 'none';
}
