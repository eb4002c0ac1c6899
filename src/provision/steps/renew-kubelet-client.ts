import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';
import { offlineConfiguration, renderPhaseConfig, writePhaseConfig } from './kubeadm-config.ts';
import { lastWords, mustRunToEnd } from './run-to-end.ts';
import { commandPost } from './step-machine.ts';

/**
 * Gives a kubelet whose own certificate ended a new one. It rotates its certificate itself, but only while the old one is
 * good: a machine that was off too long stays out. A control plane signs a kubeconfig for it; the kubelet rotates on from
 * there.
 */
export async function renewKubeletClient(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const { signal } = context;
  context.update('giving the kubelet a new certificate');
  const signer =
    machine.spec.role === 'control-plane' ? machine : await commandPost(context, machine.spec.name);
  const path = await writePhaseConfig(
    signer,
    'kubelet-client',
    renderPhaseConfig(signer, offlineConfiguration(context.cluster, context.cluster.version)),
    signal,
  );
  const { code, stdout, stderr } = await signer.transport.exec({
    script:
      'kubeadm kubeconfig user --config "$1" --org system:nodes --client-name "system:node:$2" --validity-period 24h',
    args: [path, machine.spec.nodeName],
    root: true,
    signal,
  });
  if (code !== 0 || !stdout.includes('client-key-data')) {
    throw new HansaError(
      `${signer.spec.name} could not sign a certificate for the kubelet of ${machine.spec.name}: ${lastWords({ code, stdout: '', stderr, signal: undefined })}`,
      { reason: 'RenewalFailed' },
    );
  }
  await mustRunToEnd(context, step, machine, {
    what: 'renew-kubelet',
    script: takeUpScript,
    stdin: stdout,
    deadlineMs: 3 * 60_000,
    reason: 'RenewalFailed',
    mend: `see "journalctl -u kubelet" on ${machine.spec.name}`,
  });
}

// The kubeconfig on stdin names the API server as the cluster's configuration does; the address that kubelet.conf already
// has may be a local proxy, so only the certificate is taken over.
const takeUpScript = `
umask 077
old=/etc/kubernetes/kubelet.conf
new=$(mktemp /etc/kubernetes/hansa/kubelet.XXXXXX)
trap 'rm -f "$new" "$new.pem"' EXIT
cat >"$new"
pick() { sed -n "s/^ *$1: *//p" "$new" | head -n 1 | base64 -d; }
pick client-certificate-data >"$new.pem"
pick client-key-data >>"$new.pem"
mkdir -p /var/lib/kubelet/pki
pem=/var/lib/kubelet/pki/kubelet-client-$(date -u +%Y-%m-%d-%H-%M-%S).pem
mv "$new.pem" "$pem"
ln -sfn "$pem" /var/lib/kubelet/pki/kubelet-client-current.pem
if ! grep -q kubelet-client-current.pem "$old"; then
  sed -i -e 's#^\\( *\\)client-certificate-data:.*#\\1client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem#' \\
    -e 's#^\\( *\\)client-key-data:.*#\\1client-key: /var/lib/kubelet/pki/kubelet-client-current.pem#' "$old"
fi
# An expired serving certificate that the kubelet signed itself is made anew at its start.
if [ -f /var/lib/kubelet/pki/kubelet.crt ] && command -v openssl >/dev/null &&
  ! openssl x509 -checkend 0 -noout -in /var/lib/kubelet/pki/kubelet.crt >/dev/null; then
  rm -f /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet.key
fi
systemctl restart kubelet
end=$(( $(date +%s) + 60 ))
until systemctl is-active -q kubelet; do
  if [ "$(date +%s)" -gt "$end" ]; then echo 'kubelet did not start' >&2; exit 1; fi
  sleep 1
done
`;
