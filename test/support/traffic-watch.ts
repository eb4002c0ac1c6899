import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceType } from '../../src/kube/index.ts';
import { isReadyPod, listAll, type ShipperWorld } from './shipper-world.ts';
import { types } from './world.ts';

/** Looks all the while how many ready pods have traffic, and remembers when they were too few. */
export interface TrafficWatch {
  /** From now on there must be so many in each of these members. */
  promise(minimum: number): void;
  /** Ends it. Gives what was seen below the promise. */
  stop(): Promise<readonly string[]>;
}

const pauseMs = 15;

export function watchTraffic(
  shipper: ShipperWorld,
  {
    namespace,
    application,
    members,
  }: {
    readonly namespace: string;
    readonly application: string;
    readonly members: readonly string[];
  },
): TrafficWatch {
  let minimum = 0;
  let running = true;
  const seen: string[] = [];
  const look = async (member: string) => {
    while (running) {
      const promised = minimum;
      const pods = await listAll(
        shipper.world.member(member).client,
        types['Pod'] as ResourceType,
        namespace,
        `shipper-app=${application},shipper-traffic-status=enabled`,
        // A test that failed leaves the watch behind, and its world goes.
      ).catch(() => undefined);
      if (!pods) {
        await sleep(pauseMs * 10);
        continue;
      }
      const count = pods.filter(isReadyPod).length;
      if (count < promised) {
        const names = pods.map(
          ({ metadata }) => `${metadata.name}${metadata.deletionTimestamp ? ' (going)' : ''}`,
        );
        seen.push(`${member}: ${count} of ${promised}: ${names.join(', ')}`);
      }
      await sleep(pauseMs);
    }
  };
  const work = Promise.all(members.map(look));
  return {
    promise: (next) => {
      minimum = next;
    },
    stop: async () => {
      running = false;
      await work;
      return seen;
    },
  };
}
