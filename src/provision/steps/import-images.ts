import { HansaError } from '../../base/index.ts';
import { blobsDirectory, blobsOf, bytesOf } from '../bundle/machine-blobs.ts';
import { megabytes } from '../bundle/upload-blobs.ts';
import type { BundleItem, Executor, Machine, StepContext } from '../engine/executor.ts';
import { chooseRuntime } from '../plan/render/runtime.ts';
import type { Step } from '../plan/steps.ts';
import { parseImageCheck, parseLabelled } from './containerd-images.ts';
import { type ImageNeeds, imageNeeds } from './image-needs.ts';
import { neededItems } from './load-bundle.ts';
import { lastWords, runToEnd } from './run-to-end.ts';
import { machineOf } from './step-machine.ts';

const pinned = 'io.cri-containerd.pinned=pinned';
const importLimitMs = 60 * 60_000;

/**
 * Gives the images of the bundle to the container runtime, from the blobs on the machine, under all names they are asked
 * for. No registry is needed.
 * *Guarantees*: done means that each name has the digest of the bundle, with all its content, unpacked.
 */
export const importImages: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const { runtime } = runtimeOf(machine);
    if (runtime !== 'containerd') return otherRuntime(machine, runtime);
    const todo = await whatIsMissing(context, machine, needsOf(context, step, machine));
    if (todo.kind === 'unknown') return { kind: 'todo', why: todo.why };
    const { images, tags, unpinned } = todo;
    if (images.length > 0) return { kind: 'todo', why: `${images.length} images are missing or incomplete` };
    if (tags.length > 0)
      return { kind: 'todo', why: `${tags.length} images lack their name in the cluster's repository` };
    if (unpinned.length > 0)
      return { kind: 'todo', why: `${unpinned.join(', ')} is not kept from being cleaned up` };
    return { kind: 'done' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    const todo = await whatIsMissing(context, machine, needsOf(context, step, machine));
    if (todo.kind === 'unknown') throw noRuntime(machine, todo.why);
    const { images, tags, unpinned } = todo;
    if (images.length + tags.length + unpinned.length === 0) return;
    await refuseFullDisk(context, machine, images);
    await context.intent({ images: images.map(({ name }) => name).join(' '), tags: String(tags.length) });
    await importAll(context, step, machine, [
      ...images.map(importOrder),
      ...tags.map(({ from, to }) => `tag ${from} ${to}`),
      // A new image under an old name has lost its label.
      ...needsOf(context, step, machine).pinned.map((name) => `pin ${name}`),
    ]);
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const todo = await whatIsMissing(context, machine, needsOf(context, step, machine));
    if (todo.kind === 'unknown') throw noRuntime(machine, todo.why);
    const missing = [
      ...todo.images.map(({ name }) => name),
      ...todo.tags.map(({ to }) => to),
      ...todo.unpinned,
    ];
    if (missing.length === 0) return;
    throw new HansaError(
      `${machine.spec.name} lacks ${missing.join(', ')} though the import ended well: see "ctr -n k8s.io images check" there, then apply again`,
      { reason: 'ImagesMissing' },
    );
  },
};

function needsOf(context: StepContext, step: Step, machine: Machine): ImageNeeds {
  return imageNeeds(neededItems(context, step, machine), context.cluster.imageRepository);
}

function runtimeOf({ facts }: Machine) {
  const choice = chooseRuntime(facts);
  if (choice.kind !== 'refuse') return choice;
  throw new HansaError(choice.message, { reason: choice.reason, retry: 'never' });
}

type Missing =
  | {
      readonly kind: 'known';
      readonly images: readonly BundleItem[];
      readonly tags: ImageNeeds['tags'];
      readonly unpinned: readonly string[];
    }
  | { readonly kind: 'unknown'; readonly why: string };

async function whatIsMissing(context: StepContext, machine: Machine, needs: ImageNeeds): Promise<Missing> {
  const { code, stdout, stderr } = await machine.transport.exec({
    script: `ctr -n k8s.io images check && echo '--- labels' && ctr -n k8s.io images ls`,
    root: true,
    deadlineMs: 3 * 60_000,
    signal: context.signal,
  });
  if (code !== 0) {
    return { kind: 'unknown', why: `containerd does not answer: ${stderr.trim().split('\n').at(-1) ?? ''}` };
  }
  const [checked = '', listed = ''] = stdout.split('--- labels\n');
  const seen = parseImageCheck(checked);
  const isPinned = parseLabelled(listed, pinned);
  const has = (name: string, digest: string) => {
    const image = seen.get(name);
    return image?.isComplete === true && image.digest === digest;
  };
  const digests = new Map(needs.images.map(({ name, sha256 }) => [name, `sha256:${sha256}`]));
  return {
    kind: 'known',
    images: needs.images.filter(({ name, sha256 }) => !has(name, `sha256:${sha256}`)),
    tags: needs.tags.filter(({ from, to }) => !has(to, digests.get(from) ?? '')),
    unpinned: needs.pinned.filter((name) => !isPinned.has(name)),
  };
}

/** One line for the script; names were checked to be single words when the bundle was read. */
function importOrder({ name, sha256, mediaType = '', blobs = [] }: BundleItem): string {
  const sizeBytes = blobs.find((blob) => blob.sha256 === sha256)?.sizeBytes ?? 0;
  return ['import', name, sha256, sizeBytes, mediaType, ...blobs.map((blob) => blob.sha256)].join(' ');
}

async function importAll(
  context: StepContext,
  step: Step,
  machine: Machine,
  orders: readonly string[],
): Promise<void> {
  const result = await runToEnd(context, step, machine, {
    what: 'import-images',
    script: importScript,
    args: [blobsDirectory, ...orders],
    deadlineMs: importLimitMs,
    onLine: (line) => {
      if (line.startsWith('> ')) context.update(line.slice(2));
    },
  });
  if (result.code === 0) return;
  const { name } = machine.spec;
  if (result.code === notLoaded) {
    throw new HansaError(`${lastWords(result)}: it is loaded onto ${name} again with the next attempt`, {
      reason: 'BlobMissing',
    });
  }
  if (/no space left/i.test(`${result.stderr}${result.stdout}`)) {
    throw new HansaError(
      `the disk of ${name} ran full while images were imported: free some space where containerd keeps them (/var/lib/containerd), then apply again`,
      { reason: 'DiskFull', retry: 'never' },
    );
  }
  throw new HansaError(
    `images could not be imported on ${name}: ${lastWords(result)}; see "journalctl -u containerd" there`,
    { reason: 'ImportFailed' },
  );
}

const notLoaded = 97;

// The blobs stay where they are: containerd reads an archive that tar puts together on the fly, so an import needs no
// room of its own. An image's name comes with it as an annotation.
const importScript = `
blobs=$1; shift
work=$(mktemp -d "$(dirname -- "$blobs")/import.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
import_image() {
  name=$1 digest=$2 size=$3 type=$4; shift 4
  rm -rf -- "$work/oci"
  mkdir -p "$work/oci/blobs/sha256"
  for hash in "$@"; do
    if [ ! -f "$blobs/$hash" ]; then echo "$name lacks its part sha256:$hash" >&2; exit ${notLoaded}; fi
    ln -s "$blobs/$hash" "$work/oci/blobs/sha256/$hash"
  done
  printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \\
    "$type" "$digest" "$size" "$name" >"$work/oci/index.json"
  tar -C "$work/oci" -chf - oci-layout index.json blobs | ctr -n k8s.io images import -
}
count=0
for order in "$@"; do
  set -f
  set -- $order
  set +f
  word=$1; shift
  count=$((count + 1))
  case $word in
    import) echo "> image $count: $1"; import_image "$@" ;;
    tag) ctr -n k8s.io images tag --force "$1" "$2" ;;
    pin) ctr -n k8s.io images label "$1" ${pinned} >/dev/null ;;
  esac
done
`;

/** @throws HansaError DiskFull. The content once, and once unpacked. */
async function refuseFullDisk(
  context: StepContext,
  machine: Machine,
  images: readonly BundleItem[],
): Promise<void> {
  const neededBytes = 2 * bytesOf(blobsOf(images));
  const { stdout } = await machine.transport.exec({
    script: `place=/var/lib/containerd
while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
df -P -B1 -- "$place" | awk 'NR == 2 { print $4 }'`,
    root: true,
    signal: context.signal,
  });
  const freeBytes = Number(stdout.trim());
  if (!Number.isFinite(freeBytes) || freeBytes >= neededBytes) return;
  throw new HansaError(
    `${machine.spec.name} has ${megabytes(freeBytes)} MB free in /var/lib/containerd, and ${megabytes(neededBytes)} MB are needed for ${images.length} images: free some, then apply again`,
    { reason: 'DiskFull', retry: 'never' },
  );
}

function otherRuntime({ spec }: Machine, runtime: string) {
  return {
    kind: 'blocked',
    reason: 'RuntimeNotSupported',
    message: `images can be given to containerd only, and ${spec.name} runs ${runtime}: load the images of the bundle there by hand ("hansa bundle inspect" lists them), or let Hansa install containerd`,
  } as const;
}

function noRuntime({ spec }: Machine, why: string): HansaError {
  return new HansaError(
    `images can't be imported on ${spec.name}: ${why}; see "systemctl status containerd" there`,
    {
      reason: 'RuntimeNotReady',
    },
  );
}
