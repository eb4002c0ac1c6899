import { describe, expect, it } from 'vitest';
import { renderKubeletUnit, renderProtectionDropIn } from '../../../../../src/provision/plan/render/units.ts';
import { clusterOf } from './builders.ts';

describe('kubelet’s unit', () => {
  it('starts after the runtime, with the files that kubeadm writes', () => {
    const [unit, dropIn] = renderKubeletUnit('containerd.service');
    expect(unit?.content).toMatch(/^After=.*containerd\.service/m);
    expect(dropIn?.path).toBe('/etc/systemd/system/kubelet.service.d/10-kubeadm.conf');
    expect(dropIn?.content).toContain('EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env');
    // systemd starts both commands if the first list isn't emptied.
    expect(dropIn?.content).toMatch(/^ExecStart=\nExecStart=\/usr\/local\/bin\/kubelet /m);
  });
});

describe('protection of a service', () => {
  const { protection } = clusterOf();

  it('lowers its score only where the machine allows that, or it would not start', () => {
    const content = (mayLowerOomScore: boolean) =>
      renderProtectionDropIn('kubelet.service', protection, { mayLowerOomScore })?.content;
    expect(content(true)).toContain('OOMScoreAdjust=-999');
    expect(content(false)).not.toContain('OOMScoreAdjust');
    expect(content(false)).toContain('CPUWeight=1000');
  });

  it('of sshd leaves its score to itself: each login would inherit it', () => {
    const content = renderProtectionDropIn('ssh.service', protection, { mayLowerOomScore: true })?.content;
    expect(content).toContain('CPUWeight=1000');
    expect(content).not.toContain('OOMScoreAdjust');
  });

  it('can be switched off', () => {
    const off = { ...protection, enabled: false };
    expect(renderProtectionDropIn('kubelet.service', off, { mayLowerOomScore: true })).toBeUndefined();
  });
});
