import { globalBlockNamespace, shipperAnnotations } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { keyOf, type Outcome } from '../../kube/index.ts';
import { type BlockVerdict, formatObjectNames, judgeBlocks, readObjectNames } from '../plan/shipper/index.ts';
import type { HostStore } from './host-store.ts';
import { onChange } from './member-work.ts';
import type { AnyRecord } from './records.ts';

/** Whether RolloutBlocks hold an Application or a Release up. */
export function verdictOn(store: HostStore, { metadata }: Pick<AnyRecord, 'metadata'>): BlockVerdict {
  const existing = store
    .list('block')
    .filter((block) => concerns(block.metadata.namespace, metadata.namespace))
    .map((block) => keyOf(block.metadata));
  return judgeBlocks(existing, overridesOf(metadata));
}

function concerns(blockNamespace: string | undefined, namespace: string | undefined): boolean {
  return blockNamespace === globalBlockNamespace || blockNamespace === namespace;
}

function overridesOf({ annotations }: AnyRecord['metadata']): readonly string[] {
  return readObjectNames(annotations?.[shipperAnnotations.blockOverride]);
}

/** Writes into a RolloutBlock who passes it. */
export async function syncBlock(store: HostStore, key: string, signal: AbortSignal): Promise<Outcome> {
  const block = store.get('block', key);
  if (!block) return onChange;
  const passing = (kind: 'application' | 'release') =>
    formatObjectNames(
      store
        .list(kind)
        .filter(
          ({ metadata }) =>
            concerns(block.metadata.namespace, metadata.namespace) && overridesOf(metadata).includes(key),
        )
        .map(({ metadata }) => keyOf(metadata)),
    );
  const overrides = { application: passing('application'), release: passing('release') };
  await store.writeStatus('block', block, { ...block.status, overrides }, signal);
  return onChange;
}
