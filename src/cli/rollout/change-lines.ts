import type { RolloutClusterStatus, RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { plain } from '../table.ts';
import { gatePlace } from './gate-place.ts';
import type { RolloutObject } from './rollout-object.ts';
import { clusterLooks, gateLooks, rolloutLooks, stageText, waveLooks } from './tree-words.ts';

/** What is new in a status, one line a thing, for logs. Everything is new at first. */
export function changeLines(before: RolloutObject | undefined, after: RolloutObject): readonly string[] {
  const told = new Set(before ? linesOf(before) : []);
  return linesOf(after).filter((line) => !told.has(line));
}

function linesOf({ metadata, spec, status }: RolloutObject): readonly string[] {
  const name = `${metadata.namespace}/${metadata.name}`;
  if (!status) return [`${name}: no controller has looked at it yet`];
  const { phase = 'Idle', revision, summary, waves = [], clusters = [], gates = [] } = status;
  return [
    `${name}: ${rolloutLooks[phase].words}${revision ? `, revision ${revision}` : ''}${summary ? `: ${plain(summary)}` : ''}`,
    ...waves.map((wave) => `wave ${plain(wave.name)}: ${waveLooks[wave.phase].words}`),
    ...clusters.map((cluster) => clusterLine(cluster, spec)),
    ...gates
      .filter(({ key }) => revision === undefined || gatePlace(key).revision === revision)
      .map((gate) => {
        const { name: gateName, member, wave } = gatePlace(gate.key);
        const where = member ? `${plain(member)}: ` : wave ? `wave ${plain(wave)}: ` : '';
        const message = gate.message ? `: ${plain(gate.message)}` : '';
        return `${where}gate ${plain(gateName)} ${gateLooks[gate.phase].words}${message}`;
      }),
  ];
}

function clusterLine(cluster: RolloutClusterStatus, { steps = [] }: RolloutSpec): string {
  const { name, phase, step, stage, contender, incumbent, message } = cluster;
  const stepName = step === undefined ? undefined : steps[step]?.name;
  const at = stageText(stage);
  return [
    `${plain(name)}: ${clusterLooks[phase].words}`,
    ...(stepName && phase !== 'Pending' ? [`step ${plain(stepName)}`] : []),
    ...(at && (phase === 'Progressing' || phase === 'Reverting') ? [at] : []),
    ...(contender?.desired === undefined ? [] : [`new ${contender.ready ?? 0}/${contender.desired}`]),
    ...(incumbent?.desired === undefined ? [] : [`old ${incumbent.ready ?? 0}/${incumbent.desired}`]),
    ...(message ? [plain(message)] : []),
  ].join(', ');
}
