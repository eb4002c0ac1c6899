/**
 * Plans and steps tell people what to do in words of the command line. On the host the same is done with objects: this says
 * it in their words. What it doesn't know stays as it is, and is right in the other home.
 */
export function inHostWords(message: string, cluster: string): string {
  return phrases.reduce(
    (text, [pattern, words]) => text.replaceAll(pattern, words.replaceAll('CLUSTER', cluster)),
    message,
  );
}

const phrases: readonly (readonly [RegExp, string])[] = [
  [
    /say so with "--forget-unreachable ([^"]+)"/g,
    'say so with "kubectl annotate kubemachine $1 provision.hansa.dev/forget-machine=$1"',
  ],
  [
    /say "--forget-unreachable ([^"]+)" if it is gone for good/g,
    'say "kubectl annotate kubecluster CLUSTER provision.hansa.dev/forget-machine=$1" if it is gone for good',
  ],
  [
    /say "--forget-unreachable ([^"]+)"/g,
    'say "kubectl annotate kubemachine $1 provision.hansa.dev/forget-machine=$1"',
  ],
  [/say so with "--without ([^"]+)"/g, 'leave it out of spec.machines of the KubeOperation ($1)'],
  [
    /takes data or machines away: say --yes to agree/g,
    'takes data or machines away: set spec.approved to true',
  ],
  [
    /: name one with --bundle, or in spec\.bundle\.path/g,
    ': set spec.bundle.path, or start the controller with --bundle',
  ],
  [/ and name it with --bundle/g, ' and name it in spec.bundle.path'],
  [/: name one with --bundle/g, ': set spec.bundle.path, or start the controller with --bundle'],
  [
    /(?:run |have )?"hansa certs renew(?: [^"]+)?"(?: does it now)?/g,
    'a KubeOperation of type RenewCertificates does it now',
  ],
  [
    /"hansa cluster recover(?: [^"]+)?"/g,
    '"hansa pivot to-file CLUSTER" and then "hansa cluster recover CLUSTER"',
  ],
  [/(?:with )?"hansa cluster restore(?: [^"]+)?"/g, 'with a KubeOperation of type Restore'],
  [/(?:give it up with )"hansa cluster delete(?: [^"]+)?"/g, 'give it up by deleting the KubeCluster'],
  [/: let "hansa cluster apply" finish before/g, ': let it join before'],
  [/have "hansa cluster apply" clear it away/g, 'have the controller clear it away'],
  [/let "hansa cluster apply" clear it first/g, 'the controller clears it first'],
  [
    /: run "hansa cluster apply" afterwards to join or replace/g,
    ': the controller joins or replaces them afterwards',
  ],
  [/: say --host-kubeconfig or --host-context/g, ': the controller was started without registration'],
  [
    /: put the Secret into the file, or run "hansa cluster create credential"/g,
    ': create the Secret beside the KubeCluster',
  ],
  [/(?:, or )?say --accept-host-keys[^.;,]*/g, ''],
];
