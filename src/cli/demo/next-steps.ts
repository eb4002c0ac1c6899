export interface NextStepsInput {
  readonly sandbox: string;
  readonly kubeconfigPath: string;
  /** Absent if the sandbox has none of its own. */
  readonly kubectlPath: string | undefined;
  readonly controller: { readonly address: string; readonly logPath: string };
  /** How this CLI is called: `npm run -s hansa --` in a checkout. */
  readonly hansa: string;
}

/** What to type next, in another terminal. */
export function nextStepsText({
  sandbox,
  kubeconfigPath,
  kubectlPath,
  controller,
  hansa,
}: NextStepsInput): string {
  return [
    'Try it, in another terminal:',
    `  export KUBECONFIG=${kubeconfigPath}`,
    ...(kubectlPath ? [`  alias kubectl=${kubectlPath}`] : []),
    '',
    'Look: contexts are host, cluster1, cluster2 and cluster3.',
    `  ${hansa} get`,
    `  ${hansa} describe fdeploy web -n shop`,
    '  kubectl --context host get federated -A',
    '  kubectl --context cluster2 get pods -A',
    '',
    'Change something in a member, and see Hansa put it back:',
    '  kubectl --context cluster2 -n shop scale deployment web --replicas=1',
    '  kubectl --context cluster2 -n shop get deployment web',
    '',
    'Divide 30 replicas by the weights 1 : 2 instead of 9:',
    '  kubectl --context host -n shop-weighted patch rsp web --type merge \\',
    `    -p '{"spec":{"totalReplicas":30}}'`,
    `  ${hansa} describe rsp web -n shop-weighted`,
    '',
    `The controller's log is ${controller.logPath}`,
    `and its metrics are at ${controller.address}/metrics`,
    '',
    `Ctrl-C ends it all, and so does "${hansa} sandbox down ${sandbox}" elsewhere.`,
  ].join('\n');
}
