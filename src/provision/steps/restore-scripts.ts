import { staticPodLibrary } from './static-pods.ts';

/** One stage of a restore: all machines finish it before any begins the next. */
export interface RestoreStage {
  readonly what: string;
  /** $1 token, $2 name of the member, $3 peer URL, $4 initial cluster, $5 snapshot. */
  readonly script: string;
  readonly deadlineMs: number;
}

const minuteMs = 60_000;

/**
 * Every stage leaves a mark on the machine and does nothing where it is: a restore that broke off goes on where it was.
 * Manifests wait in a directory of their own, so that no other step puts them back.
 */
const library = `${staticPodLibrary}
aside=/etc/kubernetes/tmp/hansa-restore
token=$1
state=/var/lib/hansa/restore/$token
mkdir -p -m 700 "$state"
etcd=/var/lib/etcd
# A data directory with a disk of its own: what is moved must stay on it.
if mountpoint -q $etcd; then beside=$etcd/; else beside=$etcd.; fi
was() { [ -f "$state/$1" ]; }
mark() { sync; touch "$state/$1"; sync "$state/$1"; }
`;

export const stopStage: RestoreStage = {
  what: 'restore-stop',
  deadlineMs: 10 * minuteMs,
  script: `${library}
was restored && exit 0
start_kubelet
for pod in kube-scheduler kube-controller-manager kube-apiserver etcd; do take_out $pod; done
for pod in kube-scheduler kube-controller-manager kube-apiserver etcd; do wait_gone $pod; done
`,
};

/** Data of the lost etcd is moved, never removed. */
export const restoreStage: RestoreStage = {
  what: 'restore-data',
  deadlineMs: 30 * minuteMs,
  script: `${library}
was restored && exit 0
new=\${beside}restored-$token
failed=\${beside}failed-$token
rm -rf "$new"
from=$5
# Of a survivor's file there is a link; when this was broken off, the file has been moved aside already.
if [ -h "$5" ] && [ -f "$failed/member/snap/db" ]; then from=$failed/member/snap/db; fi
# A bare file of a member, reached by a link, has no check sum.
if [ -h "$5" ]; then check=--skip-hash-check; else check=; fi
# Clients go by revisions; a jump forward makes them list anew, where a step back would confuse them.
etcdutl snapshot restore "$from" --name "$2" --initial-cluster "$4" --initial-cluster-token "$token" \\
  --initial-advertise-peer-urls "$3" --data-dir "$new" --bump-revision 1000000000 --mark-compacted $check >"$state/etcdutl.log" 2>&1 || {
  tail -n 3 "$state/etcdutl.log" >&2
  exit 1
}
if [ ! -d "$failed" ]; then
  mkdir -m 700 "$failed"
  [ ! -d $etcd/member ] || mv $etcd/member "$failed/member"
fi
mkdir -p -m 700 $etcd
rm -rf $etcd/member
mv "$new/member" $etcd/member
rm -rf "$new"
# With all members named and the state "existing", a member whose disk is lost later refuses to start as an empty cluster.
file=$aside/etcd.yaml
if [ -f "$file" ]; then
  sed -i -e "s#--initial-cluster=.*#--initial-cluster=$4#" -e '/--initial-cluster-state=/d' \\
    -e "s#^\\( *\\)- --initial-cluster=.*#&\\n\\1- --initial-cluster-state=existing#" "$file"
fi
mark restored
`,
};

export const startEtcdStage: RestoreStage = {
  what: 'restore-start-etcd',
  deadlineMs: 8 * minuteMs,
  script: `${library}
was restored
put_back etcd
# What crashed over and over without its data would be started anew only minutes later; a fresh kubelet doesn't remember.
systemctl restart kubelet
wait_well etcd
mark etcd-started
`,
};

export const startApiStage: RestoreStage = {
  what: 'restore-start-api',
  deadlineMs: 8 * minuteMs,
  script: `${library}
put_back kube-apiserver
wait_well kube-apiserver
mark api-started
`,
};

export const startRestStage: RestoreStage = {
  what: 'restore-start-rest',
  deadlineMs: 10 * minuteMs,
  script: `${library}
put_back kube-controller-manager
put_back kube-scheduler
systemctl restart kubelet
wait_well kube-controller-manager
wait_well kube-scheduler
rm -f "$state/snapshot.db"
mark done
`,
};

/** Back to how it was, as long as no restored member has started. */
export const undoStage: RestoreStage = {
  what: 'restore-undo',
  deadlineMs: 10 * minuteMs,
  script: `${library}
failed=\${beside}failed-$token
if [ -d "$failed/member" ]; then
  rm -rf $etcd/member
  mv "$failed/member" $etcd/member
  rmdir "$failed"
fi
rm -rf "$state" "\${beside}restored-$token"
for pod in etcd kube-apiserver kube-controller-manager kube-scheduler; do put_back $pod; done
`,
};

/** $1 token, $2 bytes of the snapshot. Nothing is changed. */
export const readyScript = `
if ! command -v etcdutl >/dev/null; then echo 'it has no etcdutl' >&2; exit 1; fi
[ -f /etc/kubernetes/manifests/etcd.yaml ] || [ -f /etc/kubernetes/tmp/hansa-restore/etcd.yaml ] || [ -f /etc/kubernetes/tmp/hansa/etcd.yaml ] || {
  echo 'it has no manifest of etcd' >&2
  exit 1
}
mkdir -p /var/lib/etcd
free=$(df --output=avail -B1 /var/lib/etcd | tail -n 1 | tr -d ' ')
if [ "$free" -lt $(( $2 * 3 + 104857600 )) ]; then echo "$free bytes are free below /var/lib/etcd, and three times the $2 of the snapshot are needed" >&2; exit 1; fi
ls "/var/lib/hansa/restore/$1" 2>/dev/null || true
`;
