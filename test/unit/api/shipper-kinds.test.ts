import { describe, expect, it } from 'vitest';
import { toCrd } from '../../../src/api/crd/to-crd.ts';
import { applicationSchema } from '../../../src/api/shipper.booking.com/v1alpha1/application.ts';
import { capacityTargetSchema } from '../../../src/api/shipper.booking.com/v1alpha1/capacity-target.ts';
import { releaseSchema } from '../../../src/api/shipper.booking.com/v1alpha1/release.ts';
import { servedKinds } from '../../../src/api/served-kinds.ts';
import { environment, superServer } from '../../support/shipper-objects.ts';

const shipperKinds = servedKinds.filter(({ address }) => address.group === 'shipper.booking.com');

describe("Shipper's kinds", () => {
  it('have the names that kubectl users know', () => {
    const names = shipperKinds.map(({ address, shortNames }) => [address.plural, ...shortNames]);
    expect(names).toEqual([
      ['applications', 'app'],
      ['releases', 'rel'],
      ['installationtargets', 'it'],
      ['capacitytargets', 'ct'],
      ['traffictargets', 'tt'],
      ['clusters', 'cl'],
      ['rolloutblocks', 'rb'],
    ]);
  });

  it('are namespaced, but for Cluster', () => {
    const wide = shipperKinds.filter(({ address }) => !address.namespaced);
    expect(wide.map(({ address }) => address.kind)).toEqual(['Cluster']);
  });

  it.each([
    ['Application', ['Latest Release', 'Rolling Out', 'Age']],
    ['Release', ['Age', 'Achieved Step', 'Clusters', 'Waiting', 'Reason']],
    ['CapacityTarget', ['Operational', 'Ready', 'Reason', 'Age']],
    [
      'RolloutBlock',
      ['Message', 'Author Type', 'Author Name', 'Overriding Applications', 'Overriding Releases'],
    ],
  ])('show the columns of %s in their order', (kind, names) => {
    const served = shipperKinds.find(({ address }) => address.kind === kind);
    expect(served?.columns.map(({ name }) => name)).toEqual(names);
  });

  it('keep fields that are not in the schema, on every level of what users write', () => {
    const application = shipperKinds.find(({ address }) => address.kind === 'Application');
    if (!application) throw new Error('Application is not served');
    const text = JSON.stringify(toCrd(application));
    // spec, template, chart, values, clusterRequirements, region, strategy, step, capacity, traffic
    expect(text.match(/"x-kubernetes-preserve-unknown-fields":true/g)).toHaveLength(10);
  });
});

describe('the Application of the guides', () => {
  it('is read as it is written', () => {
    const { spec } = superServer();
    expect(applicationSchema.parse({ spec }).spec).toEqual(spec);
  });

  it('keeps what Shipper of 2018 wrote besides', () => {
    const spec = { ...(superServer()['spec'] as object), template: { ...environment(), sidecars: null } };
    expect(applicationSchema.parse({ spec }).spec).toEqual(spec);
  });
});

describe('a number that can not be', () => {
  const stepWith = (capacity: object, traffic: object) => ({
    ...environment(),
    strategy: { steps: [{ name: 'a', capacity, traffic }] },
  });
  const whole = { incumbent: 0, contender: 100 };

  it.each([
    ['a capacity above 100', { incumbent: 0, contender: 101 }, whole, 'contender'],
    ['a capacity below 0', { incumbent: -1, contender: 100 }, whole, 'incumbent'],
    ['half a percent', { incumbent: 0, contender: 0.5 }, whole, 'contender'],
    ['a traffic weight below 0', whole, { incumbent: -1, contender: 0 }, 'incumbent'],
  ])('is found: %s', (_, capacity, traffic, field) => {
    const read = releaseSchema.safeParse({
      spec: { targetStep: 0, environment: stepWith(capacity, traffic) },
    });
    expect(read.error?.issues.map(({ path }) => path.at(-1))).toEqual([field]);
  });

  it('is not a traffic weight above 100, as weights need not be percents', () => {
    const spec = { targetStep: 0, environment: stepWith(whole, { incumbent: 900, contender: 100 }) };
    expect(releaseSchema.safeParse({ spec }).success).toBe(true);
  });

  it('is found in a targetStep and in a CapacityTarget', () => {
    expect(releaseSchema.safeParse({ spec: { targetStep: -1, environment: environment() } }).success).toBe(
      false,
    );
    const clusters = [{ name: 'a', percent: 101, totalReplicaCount: 3 }];
    expect(capacityTargetSchema.safeParse({ spec: { clusters } }).success).toBe(false);
  });
});
