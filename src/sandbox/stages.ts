import { stringify } from 'yaml';

export interface StageOptions {
  /** How long a pod that has a node takes until it is Ready. */
  readonly podReadyDelayMs: number;
  /** How long the pod of a Job runs until it has succeeded. */
  readonly jobRunMs: number;
}

/**
 * The lives of simulated nodes and pods, as kwok's Stage objects: a node reports itself ready and keeps doing so; a pod
 * starts, becomes Ready, succeeds if a Job owns it, and goes when it is deleted. Without them kwok does nothing at all.
 */
export function stagesText({ podReadyDelayMs, jobRunMs }: StageOptions): string {
  return [
    nodeStarts(),
    nodeBeats(),
    podStarts(podReadyDelayMs),
    podIsAdmitted(),
    podCompletes(jobRunMs),
    podGoes(),
  ]
    .map((stage) => stringify(stage, { lineWidth: 0 }))
    .join('---\n');
}

const exists = (key: string) => ({ key, operator: 'Exists' });
const absent = (key: string) => ({ key, operator: 'DoesNotExist' });
const isIn = (key: string, ...values: string[]) => ({ key, operator: 'In', values });
const notIn = (key: string, ...values: string[]) => ({ key, operator: 'NotIn', values });

const readyStatus = '.status.conditions.[] | select( .type == "Ready" ) | .status';

interface StageSpec {
  readonly matchExpressions: readonly object[];
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly next: object;
}

function stage(
  name: string,
  kind: 'Node' | 'Pod',
  { matchExpressions, delayMs, jitterMs, next }: StageSpec,
): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions },
      ...(delayMs
        ? {
            delay: {
              durationMilliseconds: delayMs,
              ...(jitterMs ? { jitterDurationMilliseconds: jitterMs } : {}),
            },
          }
        : {}),
      next,
    },
  };
}

const nodeConditions = `conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $since | Quote }}
{{ end }}
`;

const nodeClock = `{{ $now := Now }}
{{ $since := or .metadata.creationTimestamp $now }}
`;

/** Capacity is set when the node is made (simulated-nodes.ts); here it only says that it is alive. */
function nodeStarts(): object {
  return stage('node-starts', 'Node', {
    matchExpressions: [notIn(readyStatus, 'True')],
    next: {
      statusTemplate: `${nodeClock}${nodeConditions}addresses:
- type: InternalIP
  address: {{ NodeIP | Quote }}
- type: Hostname
  address: {{ NodeName | Quote }}
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: {{ printf "kwok-%s" Version | Quote }}
  kernelVersion: simulated
  kubeProxyVersion: ""
  kubeletVersion: {{ printf "kwok-%s" Version | Quote }}
  machineID: ""
  operatingSystem: linux
  osImage: simulated
  systemUUID: ""
phase: Running
`,
    },
  });
}

/** Leases tell each few seconds that a node lives; its status follows every few minutes, as a real kubelet does. */
function nodeBeats(): object {
  return stage('node-beats', 'Node', {
    matchExpressions: [isIn('.status.phase', 'Running'), isIn(readyStatus, 'True')],
    delayMs: 300_000,
    jitterMs: 310_000,
    next: { statusTemplate: `${nodeClock}${nodeConditions}` },
  });
}

/**
 * Readiness gates are somebody else's to open. Most have nobody here who would, so they open by themselves; those of
 * Hansa's rollouts wait for its word.
 */
const wordOfHansa = 'rollout.hansa.dev/';

function podStarts(delayMs: number): object {
  return stage('pod-starts', 'Pod', {
    matchExpressions: [
      absent('.metadata.deletionTimestamp'),
      isIn('.status.phase', 'Pending'),
      notIn(readyStatus, 'True'),
    ],
    delayMs,
    next: {
      statusTemplate: `{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
{{ $ready := "True" }}
conditions:
{{ range .spec.readinessGates }}
{{ if hasPrefix "${wordOfHansa}" .conditionType }}
{{ $ready = "False" }}
{{ else }}
- type: {{ .conditionType | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
{{ end }}
{{ range $type := (list "PodReadyToStartContainers" "Initialized" "ContainersReady") }}
- type: {{ $type | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
- type: "Ready"
  status: {{ $ready | Quote }}
  lastTransitionTime: {{ $now | Quote }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state:
    running:
      startedAt: {{ $now | Quote }}
  {{ else }}
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
  {{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
`,
    },
  });
}

/** A kubelet makes such a pod Ready once the word was given. */
function podIsAdmitted(): object {
  return stage('pod-is-admitted', 'Pod', {
    matchExpressions: [
      absent('.metadata.deletionTimestamp'),
      isIn('.status.phase', 'Running'),
      notIn(readyStatus, 'True'),
      isIn(`.status.conditions.[] | select( .type == "${wordOfHansa}traffic" ) | .status`, 'True'),
    ],
    next: {
      statusTemplate: `conditions:
- type: "Ready"
  status: "True"
  lastTransitionTime: {{ Now | Quote }}
`,
    },
  });
}

function podCompletes(delayMs: number): object {
  return stage('pod-completes', 'Pod', {
    matchExpressions: [
      absent('.metadata.deletionTimestamp'),
      isIn('.status.phase', 'Running'),
      isIn('.metadata.ownerReferences.[].kind', 'Job'),
    ],
    delayMs,
    next: {
      statusTemplate: `{{ $now := Now }}
{{ $root := . }}
phase: Succeeded
conditions:
{{ range $type := (list "ContainersReady" "Ready") }}
- type: {{ $type | Quote }}
  status: "False"
  reason: PodCompleted
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $before := index $root.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $before.state.running.startedAt | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
`,
    },
  });
}

function podGoes(): object {
  return stage('pod-goes', 'Pod', {
    matchExpressions: [exists('.metadata.deletionTimestamp')],
    next: { delete: true },
  });
}
