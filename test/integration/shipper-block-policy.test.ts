import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { shipperTypes } from '../../src/rollout/shipper/records.ts';
import { until } from '../support/look.ts';
import { startWorld, types, type World } from '../support/world.ts';

const policyFile = new URL('../../deploy/shipper-block-policy.yaml', import.meta.url);
const globalNamespace = 'rollout-blocks-global';
const overrideAnnotation = 'shipper.booking.com/rollout-block.override';

let world: World;

beforeAll(async () => {
  // Without a controller: what is refused here is refused by the host's API server alone.
  world = await startWorld({ members: [], running: false });
  for (const document of parseAllDocuments(readFileSync(policyFile, 'utf8'))) {
    const object = document.toJS() as KubeObject;
    const plural = object.kind.endsWith('Policy') ? `${object.kind.slice(0, -1)}ies` : `${object.kind}s`;
    await world.host.client.apply(
      {
        group: 'admissionregistration.k8s.io',
        version: 'v1',
        kind: object.kind,
        plural: plural.toLowerCase(),
        namespaced: false,
      },
      object,
      { fieldManager: 'test' },
    );
  }
  await world.host.client.create(types['Namespace'] as ResourceType, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: globalNamespace },
  });
});
afterAll(() => world?.down());

function application(namespace: string, name: string, version = '0.0.1', override?: string): KubeObject {
  return {
    apiVersion: 'shipper.booking.com/v1alpha1',
    kind: 'Application',
    metadata: { namespace, name, ...(override ? { annotations: { [overrideAnnotation]: override } } : {}) },
    spec: {
      template: {
        chart: { name: 'nginx', version, repoUrl: 'https://charts.example' },
        clusterRequirements: { regions: [{ name: 'local' }] },
        strategy: {
          steps: [
            {
              name: 'full on',
              capacity: { contender: 100, incumbent: 0 },
              traffic: { contender: 100, incumbent: 0 },
            },
          ],
        },
        values: {},
      },
    },
  };
}

function block(namespace: string, name: string): Promise<KubeObject> {
  return world.host.client.create(shipperTypes.block, {
    apiVersion: 'shipper.booking.com/v1alpha1',
    kind: 'RolloutBlock',
    metadata: { namespace, name },
    spec: { message: 'the payments freeze', author: { type: 'user', name: 'jdoe' } },
  });
}

const apply = (object: KubeObject, { dryRun = false } = {}) =>
  world.host.client.apply(shipperTypes.application, object, { fieldManager: 'test', force: true, dryRun });

/** What the server says of a change that is only tried out: one that got through too soon would change what follows. */
const answerTo = (object: KubeObject) =>
  apply(object, { dryRun: true }).then(
    () => 'taken',
    (error: Error) => error.message,
  );

/** New blocks, and new policies, are noticed after a moment. */
const eventually = (look: () => Promise<void>) => until(look, 60_000);

describe('the policy for RolloutBlocks', () => {
  it('refuses what would roll out, naming the block, its author and the way past it', async () => {
    const namespace = await world.namespace();
    await apply(application(namespace, 'web'));
    await block(namespace, 'freeze');
    const words = new RegExp(
      `RolloutBlock ${namespace}/freeze holds rollouts up: the payments freeze \\(jdoe\\).*${overrideAnnotation}`,
    );
    await eventually(async () => expect(await answerTo(application(namespace, 'other'))).toMatch(words));
    expect(await answerTo(application(namespace, 'web', '0.0.2'))).toMatch(words);
    const removal = world.host.client.remove(shipperTypes.application, { namespace, name: 'web' });
    await expect(removal).rejects.toThrow(words);
  });

  it('lets through what changes nothing, what names the block, and what is elsewhere', async () => {
    const namespace = await world.namespace();
    const elsewhere = await world.namespace();
    const web = application(namespace, 'web');
    await apply(web);
    await block(namespace, 'freeze');
    await eventually(async () =>
      expect(await answerTo(application(namespace, 'web', '0.0.2'))).toContain('RolloutBlock'),
    );
    const labelled = { ...web, metadata: { ...web.metadata, labels: { team: 'payments' } } };
    expect(await answerTo(labelled)).toBe('taken');
    expect(await answerTo(application(namespace, 'web', '0.0.2', `other/x, ${namespace}/freeze`))).toBe(
      'taken',
    );
    expect(await answerTo(application(elsewhere, 'web'))).toBe('taken');
  });

  it('knows blocks for everybody, and forgets them when they go', async () => {
    const namespace = await world.namespace();
    await block(globalNamespace, 'blackout');
    await eventually(async () =>
      expect(await answerTo(application(namespace, 'web'))).toContain(
        'RolloutBlock rollout-blocks-global/blackout',
      ),
    );
    await world.host.client.remove(shipperTypes.block, { namespace: globalNamespace, name: 'blackout' });
    await eventually(async () => expect(await answerTo(application(namespace, 'web'))).toBe('taken'));
  });
});
