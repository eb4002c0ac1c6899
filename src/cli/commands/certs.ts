import type { Command } from 'commander';
import type { RenewFlags } from '../certs/run-renew.ts';
import type { CertificateStatusFlags } from '../certs/run-status.ts';
import {
  addHostKeyOption,
  addNamespaceOption,
  addOutputOption,
  collect,
} from '../cluster/cluster-options.ts';
import { addStateOptions } from '../cluster/state-place.ts';
import { readOutput } from '../host-options.ts';

/** `hansa certs`: the certificates of clusters that are kept in the state file. */
export function addCertsCommand(program: Command): void {
  const certs = program
    .command('certs')
    .description('certificates of kubeadm clusters: when they end, and new ones; also while the API is down');
  addOutputOption(withMachines(certs.command('status [names...]')), 'json or yaml')
    .description(
      'every certificate on every machine, of the clusters named or of all; exit code 1 if one is due, expired or not seen',
    )
    .action(async (names: readonly string[], flags: CertificateStatusFlags) => {
      readOutput(flags.output, ['json', 'yaml']);
      const { runCertificateStatus } = await import('../certs/run-status.ts');
      process.exitCode = await runCertificateStatus(names, flags);
    });
  addOutputOption(withMachines(certs.command('renew [name]')), 'json')
    .description('renew what is due, one machine after the other, each checked by a handshake')
    .option('--force', 'all of them, due or not')
    .option('--machine <machine>', 'only those of this machine; may be repeated', collect, [])
    .action(async (name: string | undefined, flags: RenewFlags) => {
      readOutput(flags.output, ['json']);
      const { runCertificateRenewal } = await import('../certs/run-renew.ts');
      process.exitCode = await runCertificateRenewal(name, flags);
    });
}

function withMachines(command: Command): Command {
  return addHostKeyOption(addNamespaceOption(addStateOptions(command)));
}
