import type { JsonObject } from '../../base/index.ts';
import {
  chooseClusters,
  type ClusterCandidate,
  clusterHash,
  preferenceList,
  scoreOf,
  type WeighedCluster,
} from '../../rollout/plan/shipper/index.ts';
import {
  countOrNone,
  flag,
  integer,
  isAbsent,
  listAt,
  mapAt,
  mapsAt,
  text,
  textOrNone,
  textsAt,
} from './case-fields.ts';
import type { RolloutOps } from './rollout-batch-ops.ts';

export const clusterChoiceOps: RolloutOps = {
  choose: (input) => {
    const requirements = mapAt(input['clusterRequirements'], 'input.clusterRequirements');
    const place = 'input.clusterRequirements';
    const choice = chooseClusters(
      applicationOf(input),
      {
        regions: mapsAt(requirements['regions'], `${place}.regions`, readRegion),
        capabilities: textsAt(requirements['capabilities'], `${place}.capabilities`),
      },
      mapsAt(input['clusters'], 'input.clusters', readCandidate),
    );
    return choice.kind === 'chosen' ? { clusters: choice.clusters } : { error: choice.reason };
  },

  score: (input) => {
    const hash = clusterHash(applicationOf(input), text(input['identity'], 'input.identity'));
    const weights = listAt(input['weights'], 'input.weights').map((weight, index) =>
      integer(weight, `input.weights[${index}]`),
    );
    // A 64-bit number has more digits than a JSON number keeps; of a score, nine tell enough.
    return {
      xxh64: hash.toString(),
      scores: weights.map((weight) => Number(scoreOf(hash, weight).toFixed(9))),
    };
  },

  preferenceList: (input) => {
    const clusters = mapsAt(input['clusters'], 'input.clusters', readCluster);
    return { order: preferenceList(applicationOf(input), clusters).map(({ name }) => name) };
  },
};

function applicationOf(input: JsonObject): string {
  return text(input['application'], 'input.application');
}

function readRegion(fields: JsonObject, field: string) {
  const replicas = countOrNone(fields['replicas'], `${field}.replicas`);
  return { name: text(fields['name'], `${field}.name`), ...(replicas === undefined ? {} : { replicas }) };
}

function readCandidate(fields: JsonObject, field: string): ClusterCandidate {
  return {
    ...readCluster(fields, field),
    region: text(fields['region'], `${field}.region`),
    capabilities: textsAt(fields['capabilities'], `${field}.capabilities`),
    unschedulable: flag(fields['unschedulable'], `${field}.unschedulable`),
  };
}

function readCluster(fields: JsonObject, field: string): WeighedCluster {
  const identity = textOrNone(fields['identity'], `${field}.identity`);
  const { weight } = fields;
  return {
    name: text(fields['name'], `${field}.name`),
    ...(identity === undefined ? {} : { identity }),
    ...(isAbsent(weight) ? {} : { weight: integer(weight, `${field}.weight`) }),
  };
}
