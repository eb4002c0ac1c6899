import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { textsAt, withField } from './configuration-fields.ts';
import { readClusterConfiguration, renderPhaseConfig, writePhaseConfig } from './kubeadm-config.ts';
import { readCertificates, readServedCertificate } from './read-certificates.ts';
import { mustRunToEnd } from './run-to-end.ts';
import { putBackManifests, restartStaticPod } from './static-pods.ts';
import { machineOf, textsInput } from './step-machine.ts';

/**
 * Makes the API server of one machine answer to further names. `inputs.sans` has the user's names, all of them;
 * `inputs.isLast` is true on the last machine, where the cluster's configuration is brought up to date.
 *
 * `kubeadm certs renew` can't do this: it copies the names of the certificate it renews. So the certificate is made anew,
 * and the old pair is kept until the new one was seen in a handshake.
 */
export const setSans: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    const missing = await missingNames(context, step, machine);
    if (missing.length > 0)
      return {
        kind: 'todo',
        why: `the API server of ${machine.spec.name} doesn't answer to ${missing.join(', ')}`,
      };
    const unlisted = await unlistedNames(context, step, machine);
    return unlisted.length > 0
      ? { kind: 'todo', why: `kubeadm's configuration doesn't name ${unlisted.join(', ')}` }
      : { kind: 'done' };
  },

  async apply(context, step) {
    const machine = machineOf(context, step);
    await putBackManifests(machine, context.signal);
    const live = await readClusterConfiguration(machine, context.signal);
    const sans = [...new Set([...textsAt(live, 'apiServer', 'certSANs'), ...textsInput(step, 'sans')])];
    const path = await writePhaseConfig(
      machine,
      'sans',
      renderPhaseConfig(machine, withField(live, 'apiServer', 'certSANs', sans)),
      context.signal,
    );
    if ((await missingNames(context, step, machine)).length > 0) {
      await context.intent({ machine: machine.spec.name, sans: sans.join(',') });
      await mustRunToEnd(context, step, machine, {
        what: 'make-apiserver-certificate',
        script: makeScript,
        args: [path, keptPair],
        deadlineMs: 2 * 60_000,
        reason: 'CertificateNotMade',
        mend: 'the old certificate is in place',
      });
      await restartStaticPod(context, step, machine, 'kube-apiserver');
      await compare(context, step, machine);
    }
    if (step.inputs.isLast === true) {
      await mustRunToEnd(context, step, machine, {
        what: 'upload-config',
        script: 'kubeadm init phase upload-config kubeadm --config "$1"',
        args: [path],
        deadlineMs: 2 * 60_000,
        reason: 'ConfigurationNotStored',
        mend: 'the API servers have the names, but a later upgrade would not know them: try again',
      });
    }
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    await compare(context, step, machine);
    // From here on the old pair is of no use to anybody, and a key should not lie about.
    await machine.transport.exec({
      script: 'rm -rf -- "$1"',
      args: [keptPair],
      root: true,
      signal: context.signal,
    });
  },

  async undo(context, step) {
    const machine = machineOf(context, step);
    const { stdout } = await machine.transport.exec({
      script: undoScript,
      args: [keptPair],
      root: true,
      signal: context.signal,
    });
    if (stdout.trim() === 'put back') await restartStaticPod(context, step, machine, 'kube-apiserver');
  },
};

const keptPair = '/etc/kubernetes/tmp/hansa-sans';

async function missingNames(context: StepContext, step: Step, machine: Machine): Promise<readonly string[]> {
  const certificates = await readCertificates(machine, context.signal);
  const names = new Set(certificates.find(({ name }) => name === 'apiserver')?.names.map(plain));
  return textsInput(step, 'sans').filter((name) => !names.has(plain(name)));
}

async function unlistedNames(context: StepContext, step: Step, machine: Machine): Promise<readonly string[]> {
  if (step.inputs.isLast !== true) return [];
  const listed = new Set(
    textsAt(await readClusterConfiguration(machine, context.signal), 'apiServer', 'certSANs'),
  );
  return textsInput(step, 'sans').filter((name) => !listed.has(name));
}

async function compare(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const { signal } = context;
  const missing = await missingNames(context, step, machine);
  const file = (await readCertificates(machine, signal)).find(({ name }) => name === 'apiserver');
  const served = await readServedCertificate(machine, 6443, { signal });
  if (missing.length === 0 && served !== undefined && served.fingerprint === file?.fingerprint) return;
  throw new HansaError(
    missing.length > 0
      ? `the new certificate of ${machine.spec.name} lacks ${missing.join(', ')}`
      : `the API server of ${machine.spec.name} does not show its new certificate`,
    { reason: 'CertificateNotServed' },
  );
}

/** IPv6 addresses are written in many ways; the certificate has the long one. */
function plain(name: string): string {
  if (!name.includes(':')) return name.toLowerCase();
  return URL.parse(`http://[${name}]`)?.hostname ?? name.toLowerCase();
}

// The first pair is the one to go back to, however often this is tried.
const makeScript = `
pki=/etc/kubernetes/pki
kept=$2
mkdir -p -m 700 "$kept"
if [ ! -s "$kept/apiserver.key" ]; then cp -p $pki/apiserver.crt $pki/apiserver.key "$kept/"; sync "$kept"/*; fi
trap 'if [ ! -s $pki/apiserver.crt ] || [ ! -s $pki/apiserver.key ]; then cp -p "$kept/apiserver.crt" "$kept/apiserver.key" $pki/; fi' EXIT
rm -f $pki/apiserver.crt $pki/apiserver.key
kubeadm init phase certs apiserver --config "$1"
`;

const undoScript = `
[ -s "$1/apiserver.key" ] || exit 0
cp -p "$1/apiserver.crt" "$1/apiserver.key" /etc/kubernetes/pki/
rm -rf -- "$1"
echo 'put back'
`;
