import { mkdir, writeFile } from 'node:fs/promises';
import { systemClock } from '../../../../src/kube/index.ts';
import type { BundleSource, Machine, StepContext } from '../../../../src/provision/engine/executor.ts';
import type { Step, StepKind } from '../../../../src/provision/plan/steps.ts';
import { connect, type LongCommand, type Transport } from '../../../../src/provision/transport/index.ts';
import { SshServer, targetOf, withPassword } from '../transport/ssh-server.ts';
import type { Place } from './builders.ts';

export interface MachineScene extends AsyncDisposable {
  readonly server: SshServer;
  readonly machine: Machine;
  /** Where `/var` of the machine is in truth. */
  readonly varDirectory: string;
  readonly intents: Readonly<Record<string, string>>[];
  context(bundle: BundleSource, changes?: Partial<StepContext['cluster']>): StepContext;
}

/** A machine behind a real SSH connection, whose commands run in a real shell; its /var is a directory of the test. */
export async function machineScene(
  place: Place,
  role: 'control-plane' | 'worker' = 'worker',
): Promise<MachineScene> {
  const binDir = place.path('machine-bin');
  await mkdir(place.path('var/lib'), { recursive: true });
  await mkdir(binDir);
  const server = await SshServer.start({ binDir });
  const transport = movedVar(await connect(targetOf(server), withPassword), place.path('var'));
  const machine = {
    spec: { name: 'm1', role },
    transport,
    facts: {
      arch: 'amd64',
      runtimeSockets: ['/run/containerd/containerd.sock'],
      programs: {},
      hostname: 'm1',
      stamps: {},
    },
    internalAddress: '10.0.0.1',
    runLong: async (command: LongCommand) => ({
      kind: 'ended',
      ...(await transport.exec({ ...command, root: true })),
    }),
  } as unknown as Machine;
  const intents: Readonly<Record<string, string>>[] = [];
  return {
    server,
    machine,
    varDirectory: place.path('var'),
    intents,
    context: (bundle, changes = {}) =>
      ({
        cluster: {
          name: 'c',
          namespace: 'd',
          version: '1.36.3',
          imageRepository: 'registry.k8s.io',
          ...changes,
        },
        journal: [],
        machine: () => machine,
        bundle,
        intent: async (evidence: Readonly<Record<string, string>>) => void intents.push(evidence),
        note: () => undefined,
        update: () => undefined,
        clock: systemClock,
        signal: new AbortController().signal,
      }) as unknown as StepContext,
    [Symbol.asyncDispose]: async () => {
      await transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function stepOf(kind: StepKind, inputs: Readonly<Record<string, unknown>> = {}): Step {
  return {
    id: `m1/${kind}`,
    kind,
    machine: 'm1',
    title: kind,
    reason: '',
    needs: [],
    inputs,
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function movedVar(transport: Transport, directory: string): Transport {
  const moved = (text: string) => text.replaceAll('/var/', `${directory}/`);
  return new Proxy(transport, {
    get(target, name) {
      if (name === 'exec') {
        return ((command) =>
          target.exec({
            ...command,
            script: moved(command.script),
            ...(command.args ? { args: command.args.map(moved) } : {}),
          })) satisfies Transport['exec'];
      }
      if (name === 'upload')
        return ((file) => target.upload({ ...file, path: moved(file.path) })) satisfies Transport['upload'];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * As much of containerd's `ctr` as imports need, in shell: an archive is only taken if every blob has the hash it is named
 * by and the manifest is among them, as the real one does it.
 */
export async function installCtr(place: Place): Promise<void> {
  const store = place.path('containerd');
  await mkdir(store);
  await writeFile(place.path('machine-bin/ctr'), ctr(store), { mode: 0o755 });
}

const ctr = (store: string) => `#!/bin/sh
set -eu
[ "$1 $2 $3" = "-n k8s.io images" ]
verb=$4; shift 4
cd ${store}
touch images labels
digest_of() { awk -v name="$1" '$1 == name { print $2 }' images; }
record() {
  awk -v name="$1" '$1 != name' images >images.new; echo "$1 $2" >>images.new; mv images.new images
  awk -v name="$1" '$1 != name' labels >labels.new; mv labels.new labels
}
case $verb in
  import)
    rm -rf work; mkdir work; tar -x -C work -f -
    [ ! -f full ] || { echo 'ctr: write blob: no space left on device' >&2; exit 1; }
    grep -q imageLayoutVersion work/oci-layout
    name=$(sed 's/.*"io.containerd.image.name":"\\([^"]*\\)".*/\\1/' work/index.json)
    digest=$(sed 's/.*"digest":"sha256:\\([0-9a-f]*\\)".*/\\1/' work/index.json)
    for blob in work/blobs/sha256/*; do [ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "\${blob##*/}" ]; done
    for part in $(grep -o 'sha256:[0-9a-f]*' "work/blobs/sha256/$digest"); do [ -f "work/blobs/sha256/\${part#sha256:}" ]; done
    record "$name" "sha256:$digest"
    echo "unpacking $name...done" ;;
  tag) [ "$1" = --force ]; digest=$(digest_of "$2"); [ -n "$digest" ]; record "$3" "$digest" ;;
  label) [ -n "$(digest_of "$1")" ]; echo "$1 $2" >>labels ;;
  check)
    echo 'REF TYPE DIGEST STATUS SIZE UNPACKED'
    while read -r name digest; do echo "$name application/vnd.oci.image.manifest.v1+json $digest complete (2/2) 1.0 MiB/1.0 MiB true"; done <images ;;
  ls)
    echo 'REF TYPE DIGEST SIZE PLATFORMS LABELS'
    while read -r name digest; do
      echo "$name application/vnd.oci.image.manifest.v1+json $digest 1.0 MiB linux/amd64 $(awk -v name="$name" '$1 == name { print $2 }' labels | tail -n 1)"
    done <images ;;
esac
`;
