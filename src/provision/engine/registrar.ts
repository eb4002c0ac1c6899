import type { Executor, StepContext } from './executor.ts';

/** The federation that clusters register with: a host that knows members. */
export interface Registrar {
  /** Joins the cluster, or brings its labels in line; again at any time. @throws HansaError */
  join(
    cluster: {
      readonly name: string;
      readonly kubeconfig: string;
      readonly labels: Readonly<Record<string, string>>;
    },
    context: Pick<StepContext, 'signal' | 'update' | 'clock'>,
  ): Promise<void>;
  /** Takes it out; one that isn't there is no error. `kubeconfig`: undefined where the cluster is gone already. */
  leave(
    cluster: { readonly name: string; readonly kubeconfig: string | undefined },
    context: Pick<StepContext, 'signal' | 'update' | 'clock'>,
  ): Promise<void>;
  /** Whether the host has it as a member, with these labels. */
  has(
    cluster: { readonly name: string; readonly labels?: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** The steps that need a registrar. */
export type RegistrationSteps = Readonly<Record<'register-member' | 'unregister-member', Executor>>;
