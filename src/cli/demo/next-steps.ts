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
    'Try it in another terminal (contexts: host, cluster1, cluster2, cluster3):',
    `  export KUBECONFIG=${kubeconfigPath}`,
    ...(kubectlPath ? [`  alias kubectl=${kubectlPath}`] : []),
    `  ${hansa} get`,
    `  ${hansa} describe fdeploy web -n shop`,
    '  kubectl --context cluster2 get pods -A',
    'Change something in a member, and see Hansa put it back:',
    '  kubectl --context cluster2 -n shop scale deployment web --replicas=1',
    '  kubectl --context cluster2 -n shop get deployment web',
    'Divide 30 replicas by the weights 1 : 2 instead of 9:',
    '  kubectl --context host -n shop-weighted patch rsp web --type merge \\',
    `    -p '{"spec":{"totalReplicas":30}}'`,
    `  ${hansa} describe rsp web -n shop-weighted`,
    `The controller logs to ${controller.logPath}`,
    `and has its metrics at ${controller.address}/metrics`,
    '',
    `Ctrl-C ends it all; from elsewhere: ${hansa} sandbox down ${sandbox}`,
  ].join('\n');
}
