// One line a type: `Name = field:type …`; `Name += …` adds fields. A field is modelled, or known and not modelled (-,
// listed when met), or the API server's bookkeeping (~, not listed); `!` = required. Without a type it is not looked
// into. Types: str bool time any; int, uint (>= 0), pint (> 0), ulong and slong (seconds, the latter of any sign),
// long, port, port0, weight, byte; qty = quantity, intstr = number or string, strs = map of strings, qtys = map of
// quantities; [T] list, {T} map, A|B|C one of these words, else the name of a type above. `kind apiVersion Kind flags
// Type`: n = in a namespace, c = in none, - = not modelled.
#include "workloads/manifest/api_types.hpp"

namespace berth::manifest {

std::string_view api_types() {
  return R"(
OwnerReference = apiVersion:str kind:str! name:str! controller:bool ~uid ~blockOwnerDeletion
ObjectMeta = name:str generateName:str namespace:str labels:strs annotations:strs ownerReferences:[OwnerReference] deletionTimestamp:time
ObjectMeta += uid:str ~resourceVersion ~generation ~creationTimestamp ~managedFields ~selfLink ~deletionGracePeriodSeconds -finalizers:[str] ~clusterName
Requirement = key:str! operator:In|NotIn|Exists|DoesNotExist! values:[str]
LabelSelector = matchLabels:strs matchExpressions:[Requirement]
NodeRequirement = key:str! operator:In|NotIn|Exists|DoesNotExist|Gt|Lt! values:[str]
NodeSelectorTerm = matchExpressions:[NodeRequirement] matchFields:[NodeRequirement]
NodeSelector = nodeSelectorTerms:[NodeSelectorTerm]!
PreferredTerm = weight:weight! preference:NodeSelectorTerm!
NodeAffinity = requiredDuringSchedulingIgnoredDuringExecution:NodeSelector preferredDuringSchedulingIgnoredDuringExecution:[PreferredTerm]
PodAffinityTerm = labelSelector:LabelSelector namespaces:[str] namespaceSelector:LabelSelector topologyKey:str! matchLabelKeys:[str] mismatchLabelKeys:[str]
WeightedPodTerm = weight:weight! podAffinityTerm:PodAffinityTerm!
PodAffinity = requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm] preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodTerm]
Affinity = nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAffinity
Toleration = key:str operator:Equal|Exists|Lt|Gt value:str effect:NoSchedule|PreferNoSchedule|NoExecute tolerationSeconds:slong
TopologySpreadConstraint = maxSkew:pint! topologyKey:str! whenUnsatisfiable:DoNotSchedule|ScheduleAnyway! labelSelector:LabelSelector minDomains:pint
TopologySpreadConstraint += nodeAffinityPolicy:Honor|Ignore nodeTaintsPolicy:Honor|Ignore matchLabelKeys:[str]
KeyRef = name:str key:str! optional:bool
FieldRef = ~apiVersion fieldPath:str!
ResourceFieldRef = containerName:str resource:str! -divisor
FileKeyRef = volumeName:str! path:str! key:str! optional:bool
EnvSource = fieldRef:FieldRef resourceFieldRef:ResourceFieldRef configMapKeyRef:KeyRef secretKeyRef:KeyRef fileKeyRef:FileKeyRef
EnvVar = name:str! value:str valueFrom:EnvSource
NameRef = name:str optional:bool
EnvFrom = prefix:str configMapRef:NameRef secretRef:NameRef
ContainerPort = name:str containerPort:port! hostPort:port0 hostIP:str protocol:TCP|UDP|SCTP
ExecAction = command:[str]
HttpHeader = name:str! value:str!
HttpGet = path:str port:intstr! host:str scheme:HTTP|HTTPS -httpHeaders:[HttpHeader]
TcpSocket = port:intstr! host:str
Grpc = port:port! service:str
Sleep = seconds:ulong!
Probe = exec:ExecAction httpGet:HttpGet tcpSocket:TcpSocket grpc:Grpc initialDelaySeconds:uint timeoutSeconds:uint periodSeconds:uint successThreshold:uint
Probe += failureThreshold:uint terminationGracePeriodSeconds:ulong
LifecycleHandler = exec:ExecAction httpGet:HttpGet tcpSocket:TcpSocket sleep:Sleep
Lifecycle = postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:str
ResourceRequirements = requests:qtys limits:qtys -claims
VolumeMount = name:str! mountPath:str! subPath:str readOnly:bool -subPathExpr:str -mountPropagation:str -recursiveReadOnly:str
VolumeDevice = name:str! devicePath:str!
ExitCodes = operator:In|NotIn! values:[byte]
RestartRule = action:Restart|RestartAllContainers! exitCodes:ExitCodes
Container = name:str! image:str command:[str] args:[str] workingDir:str ports:[ContainerPort] env:[EnvVar] envFrom:[EnvFrom] resources:ResourceRequirements
Container += volumeMounts:[VolumeMount] volumeDevices:[VolumeDevice] livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle:Lifecycle
Container += imagePullPolicy:Always|IfNotPresent|Never restartPolicy:Always|OnFailure|Never restartPolicyRules:[RestartRule]
Container += ~terminationMessagePath:str ~terminationMessagePolicy:File|FallbackToLogsOnError -securityContext -resizePolicy -stdin:bool -stdinOnce:bool -tty:bool
KeyToPath = key:str! path:str! -mode:uint
ConfigMapVolume = name:str optional:bool items:[KeyToPath] -defaultMode:uint
SecretVolume = secretName:str optional:bool items:[KeyToPath] -defaultMode:uint
EmptyDir = medium:str sizeLimit:qty
HostPath = path:str! -type:str
ClaimVolume = claimName:str! readOnly:bool
ProjectedConfigMap = name:str optional:bool items:[KeyToPath]
ProjectedSource = configMap:ProjectedConfigMap secret:ProjectedConfigMap downwardAPI:any serviceAccountToken:any clusterTrustBundle:any podCertificate:any
Projected = sources:[ProjectedSource] -defaultMode:uint
ResourceVolume = requests:qtys limits:qtys
DataSource = -apiGroup:str -kind:str -name:str -namespace:str
ClaimSpec = accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod] resources:ResourceVolume selector:LabelSelector storageClassName:str
ClaimSpec += volumeName:str volumeMode:Filesystem|Block -dataSource:DataSource -dataSourceRef:DataSource -volumeAttributesClassName:str
ClaimTemplate = ~apiVersion ~kind metadata:ObjectMeta spec:ClaimSpec ~status
Ephemeral = volumeClaimTemplate:ClaimTemplate!
CsiVolume = driver:str! readOnly:bool -fsType:str -volumeAttributes:strs -nodePublishSecretRef
NfsVolume = server:str! path:str! readOnly:bool
GcePd = pdName:str! readOnly:bool -fsType:str -partition:uint
AwsEbs = volumeID:str! readOnly:bool -fsType:str -partition:uint
Iscsi = iqn:str! targetPortal:str! lun:uint readOnly:bool -iscsiInterface -fsType -portals -chapAuthDiscovery -chapAuthSession -secretRef -initiatorName
Rbd = monitors:[str]! image:str! pool:str readOnly:bool -fsType -user -keyring -secretRef
ImageVolume = reference:str -pullPolicy:Always|IfNotPresent|Never
Volume = name:str! emptyDir:EmptyDir hostPath:HostPath configMap:ConfigMapVolume secret:SecretVolume persistentVolumeClaim:ClaimVolume ephemeral:Ephemeral
Volume += projected:Projected downwardAPI:any csi:CsiVolume nfs:NfsVolume gcePersistentDisk:GcePd awsElasticBlockStore:AwsEbs iscsi:Iscsi rbd:Rbd image:ImageVolume
Volume += azureDisk:any azureFile:any cephfs:any cinder:any fc:any flexVolume:any flocker:any gitRepo:any glusterfs:any photonPersistentDisk:any portworxVolume:any
Volume += quobyte:any scaleIO:any storageos:any vsphereVolume:any
ReadinessGate = conditionType:str!
SchedulingGate = name:str!
LocalRef = name:str
PodSpec = containers:[Container]! initContainers:[Container] volumes:[Volume] restartPolicy:Always|OnFailure|Never terminationGracePeriodSeconds:slong
PodSpec += activeDeadlineSeconds:ulong nodeName:str nodeSelector:strs affinity:Affinity tolerations:[Toleration] topologySpreadConstraints:[TopologySpreadConstraint]
PodSpec += schedulerName:str priorityClassName:str priority:int preemptionPolicy:Never|PreemptLowerPriority overhead:qtys resources:ResourceRequirements
PodSpec += schedulingGates:[SchedulingGate] readinessGates:[ReadinessGate] runtimeClassName:str hostNetwork:bool hostname:str subdomain:str serviceAccountName:str
PodSpec += serviceAccount:str imagePullSecrets:[LocalRef] -automountServiceAccountToken:bool -dnsConfig -dnsPolicy:str -enableServiceLinks:bool -hostAliases -hostIPC:bool
PodSpec += -hostPID:bool -hostUsers:bool -os -securityContext -setHostnameAsFQDN:bool -shareProcessNamespace:bool -ephemeralContainers -resourceClaims -hostnameOverride:str -schedulingGroup -workloadRef
PodCondition = type:str! status:str! reason:str ~lastTransitionTime ~lastProbeTime ~message ~observedGeneration
PodStatus = phase:str nominatedNodeName:str startTime:time conditions:[PodCondition] ~hostIP ~hostIPs ~podIP ~podIPs ~qosClass ~message ~reason ~resize ~observedGeneration
PodStatus += ~containerStatuses ~initContainerStatuses ~ephemeralContainerStatuses ~resourceClaimStatuses ~allocatedResources ~resources ~extendedResourceClaimStatus
Pod = ~apiVersion ~kind metadata:ObjectMeta! spec:PodSpec! status:PodStatus
PodTemplate = metadata:ObjectMeta spec:PodSpec! ~status
RollingDeployment = maxUnavailable:intstr maxSurge:intstr
DeploymentStrategy = type:RollingUpdate|Recreate rollingUpdate:RollingDeployment
DeploymentSpec = replicas:uint selector:LabelSelector! template:PodTemplate! strategy:DeploymentStrategy minReadySeconds:uint revisionHistoryLimit:uint
DeploymentSpec += progressDeadlineSeconds:uint paused:bool
Deployment = ~apiVersion ~kind metadata:ObjectMeta! spec:DeploymentSpec! ~status
ReplicaSetSpec = replicas:uint selector:LabelSelector! template:PodTemplate! minReadySeconds:uint
ReplicaSet = ~apiVersion ~kind metadata:ObjectMeta! spec:ReplicaSetSpec! ~status
ReplicationControllerSpec = replicas:uint selector:strs template:PodTemplate! minReadySeconds:uint
ReplicationController = ~apiVersion ~kind metadata:ObjectMeta! spec:ReplicationControllerSpec! ~status
RollingStatefulSet = partition:uint maxUnavailable:intstr
StatefulSetStrategy = type:RollingUpdate|OnDelete rollingUpdate:RollingStatefulSet
Retention = whenDeleted:Retain|Delete whenScaled:Retain|Delete
Ordinals = start:uint
StatefulSetSpec = replicas:uint selector:LabelSelector! template:PodTemplate! serviceName:str podManagementPolicy:OrderedReady|Parallel updateStrategy:StatefulSetStrategy
StatefulSetSpec += volumeClaimTemplates:[ClaimTemplate] persistentVolumeClaimRetentionPolicy:Retention minReadySeconds:uint revisionHistoryLimit:uint ordinals:Ordinals
StatefulSet = ~apiVersion ~kind metadata:ObjectMeta! spec:StatefulSetSpec! ~status
DaemonSetStrategy = type:RollingUpdate|OnDelete rollingUpdate:RollingDeployment
DaemonSetSpec = selector:LabelSelector! template:PodTemplate! updateStrategy:DaemonSetStrategy minReadySeconds:uint revisionHistoryLimit:uint
DaemonSet = ~apiVersion ~kind metadata:ObjectMeta! spec:DaemonSetSpec! ~status
FailureExitCodes = containerName:str operator:In|NotIn! values:[byte]!
FailureCondition = type:str! status:str
FailureRule = action:FailJob|FailIndex|Ignore|Count! onExitCodes:FailureExitCodes onPodConditions:[FailureCondition]
FailurePolicy = rules:[FailureRule]!
SuccessRule = succeededIndexes:str succeededCount:uint
SuccessPolicy = rules:[SuccessRule]!
JobSpec = template:PodTemplate! parallelism:uint completions:uint completionMode:NonIndexed|Indexed backoffLimit:uint backoffLimitPerIndex:uint maxFailedIndexes:uint
JobSpec += podFailurePolicy:FailurePolicy successPolicy:SuccessPolicy podReplacementPolicy:TerminatingOrFailed|Failed activeDeadlineSeconds:ulong
JobSpec += ttlSecondsAfterFinished:uint suspend:bool selector:LabelSelector manualSelector:bool -managedBy:str -scheduling
Job = ~apiVersion ~kind metadata:ObjectMeta! spec:JobSpec! ~status
JobTemplate = metadata:ObjectMeta spec:JobSpec!
CronJobSpec = schedule:str! timeZone:str startingDeadlineSeconds:ulong concurrencyPolicy:Allow|Forbid|Replace suspend:bool successfulJobsHistoryLimit:uint
CronJobSpec += failedJobsHistoryLimit:uint jobTemplate:JobTemplate!
CronJob = ~apiVersion ~kind metadata:ObjectMeta! spec:CronJobSpec! ~status
BudgetSpec = selector:LabelSelector minAvailable:intstr maxUnavailable:intstr unhealthyPodEvictionPolicy:IfHealthyBudget|AlwaysAllow
BudgetStatus = disruptionsAllowed:int disruptedPods:any ~currentHealthy ~desiredHealthy ~expectedPods ~observedGeneration ~conditions
PodDisruptionBudget = ~apiVersion ~kind metadata:ObjectMeta! spec:BudgetSpec! status:BudgetStatus
MetricTarget = type:Utilization|Value|AverageValue! averageUtilization:pint averageValue:qty value:qty
MetricName = name:str! selector:LabelSelector
ResourceMetric = name:str! target:MetricTarget!
ContainerMetric = name:str! container:str! target:MetricTarget!
PodsMetric = metric:MetricName! target:MetricTarget!
ScaleTarget = apiVersion:str kind:str! name:str!
ObjectMetric = describedObject:ScaleTarget! metric:MetricName! target:MetricTarget!
Metric = type:Resource|ContainerResource|Pods|Object|External! resource:ResourceMetric containerResource:ContainerMetric pods:PodsMetric object:ObjectMetric external:PodsMetric
ScalingPolicy = type:Pods|Percent! value:pint! periodSeconds:pint!
ScalingRules = stabilizationWindowSeconds:uint selectPolicy:Max|Min|Disabled policies:[ScalingPolicy] tolerance:qty
Behavior = scaleUp:ScalingRules scaleDown:ScalingRules
AutoscalerSpec = scaleTargetRef:ScaleTarget! minReplicas:uint maxReplicas:pint! metrics:[Metric] behavior:Behavior
HorizontalPodAutoscaler = ~apiVersion ~kind metadata:ObjectMeta! spec:AutoscalerSpec! ~status
AutoscalerSpecV1 = scaleTargetRef:ScaleTarget! minReplicas:uint maxReplicas:pint! targetCPUUtilizationPercentage:pint
HorizontalPodAutoscalerV1 = ~apiVersion ~kind metadata:ObjectMeta! spec:AutoscalerSpecV1! ~status
Taint = key:str! value:str effect:NoSchedule|PreferNoSchedule|NoExecute! ~timeAdded
NodeSpec = unschedulable:bool taints:[Taint] ~podCIDR ~podCIDRs ~providerID ~externalID -configSource
NodeImage = names:[str] sizeBytes:long
NodeStatus = capacity:qtys allocatable:qtys images:[NodeImage] ~conditions ~addresses ~daemonEndpoints ~nodeInfo ~volumesInUse ~volumesAttached ~phase ~config ~runtimeHandlers ~features ~declaredFeatures
Node = ~apiVersion ~kind metadata:ObjectMeta! spec:NodeSpec status:NodeStatus
Namespace = ~apiVersion ~kind metadata:ObjectMeta! ~spec ~status
ConfigMap = ~apiVersion ~kind metadata:ObjectMeta! data:strs binaryData:strs -immutable:bool
Secret = ~apiVersion ~kind metadata:ObjectMeta! data:strs stringData:strs -immutable:bool -type:str
ServicePort = name:str protocol:TCP|UDP|SCTP port:port! targetPort:intstr nodePort:port0 -appProtocol:str
ClientIp = timeoutSeconds:pint
SessionAffinityConfig = clientIP:ClientIp
ServiceSpec = type:ClusterIP|NodePort|LoadBalancer|ExternalName selector:strs ports:[ServicePort] clusterIP:str externalName:str sessionAffinity:None|ClientIP
ServiceSpec += sessionAffinityConfig:SessionAffinityConfig externalTrafficPolicy:Cluster|Local internalTrafficPolicy:Cluster|Local trafficDistribution:str
ServiceSpec += publishNotReadyAddresses:bool ~clusterIPs -ipFamilies -ipFamilyPolicy -externalIPs -loadBalancerIP -loadBalancerSourceRanges -loadBalancerClass
ServiceSpec += -allocateLoadBalancerNodePorts -healthCheckNodePort
Service = ~apiVersion ~kind metadata:ObjectMeta! spec:ServiceSpec! ~status
EndpointAddress = ip:str! nodeName:str -hostname:str ~targetRef
EndpointPort = name:str port:port! protocol:TCP|UDP|SCTP -appProtocol:str
Subset = addresses:[EndpointAddress] notReadyAddresses:[EndpointAddress] ports:[EndpointPort]
Endpoints = ~apiVersion ~kind metadata:ObjectMeta! subsets:[Subset]
EndpointConditions = ready:bool -serving:bool -terminating:bool
SliceEndpoint = addresses:[str]! conditions:EndpointConditions nodeName:str zone:str -hostname:str ~targetRef -hints -deprecatedTopology
SlicePort = name:str port:port protocol:TCP|UDP|SCTP -appProtocol:str
EndpointSlice = ~apiVersion ~kind metadata:ObjectMeta! -addressType:IPv4|IPv6|FQDN! endpoints:[SliceEndpoint] ports:[SlicePort]
ClaimRef = namespace:str name:str uid:str ~kind ~apiVersion ~resourceVersion ~fieldPath
VolumeAffinity = required:NodeSelector
CsiSource = driver:str! volumeHandle:str! -readOnly:bool -fsType:str -volumeAttributes -controllerPublishSecretRef -nodeStageSecretRef -nodePublishSecretRef -controllerExpandSecretRef -nodeExpandSecretRef
VolumeSpec = capacity:qtys! accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod]! persistentVolumeReclaimPolicy:Retain|Delete|Recycle storageClassName:str
VolumeSpec += volumeMode:Filesystem|Block claimRef:ClaimRef nodeAffinity:VolumeAffinity csi:CsiSource hostPath:any local:any nfs:any gcePersistentDisk:any
VolumeSpec += awsElasticBlockStore:any iscsi:any rbd:any azureDisk:any azureFile:any cephfs:any cinder:any fc:any flexVolume:any flocker:any glusterfs:any
VolumeSpec += photonPersistentDisk:any portworxVolume:any quobyte:any scaleIO:any storageos:any vsphereVolume:any -mountOptions -volumeAttributesClassName:str
PhaseStatus = phase:str ~message ~reason ~lastPhaseTransitionTime ~accessModes ~capacity ~conditions ~allocatedResources ~allocatedResourceStatuses
PhaseStatus += ~currentVolumeAttributesClassName ~modifyVolumeStatus
PersistentVolume = ~apiVersion ~kind metadata:ObjectMeta! spec:VolumeSpec! status:PhaseStatus
PersistentVolumeClaim = ~apiVersion ~kind metadata:ObjectMeta! spec:ClaimSpec! status:PhaseStatus
TopologyExpression = key:str! values:[str]!
TopologyTerm = matchLabelExpressions:[TopologyExpression]
StorageClass = ~apiVersion ~kind metadata:ObjectMeta! provisioner:str! volumeBindingMode:Immediate|WaitForFirstConsumer reclaimPolicy:Retain|Delete
StorageClass += allowVolumeExpansion:bool allowedTopologies:[TopologyTerm] -parameters:strs -mountOptions
PriorityClass = ~apiVersion ~kind metadata:ObjectMeta! value:int! globalDefault:bool preemptionPolicy:Never|PreemptLowerPriority ~description
RuntimeScheduling = nodeSelector:strs tolerations:[Toleration]
Overhead = podFixed:qtys
RuntimeClass = ~apiVersion ~kind metadata:ObjectMeta! handler:str! overhead:Overhead scheduling:RuntimeScheduling
LimitItem = type:Container|Pod|PersistentVolumeClaim! default:qtys defaultRequest:qtys min:qtys max:qtys maxLimitRequestRatio:qtys
LimitRangeSpec = limits:[LimitItem]!
LimitRange = ~apiVersion ~kind metadata:ObjectMeta! spec:LimitRangeSpec!
QuotaScope = scopeName:Terminating|NotTerminating|BestEffort|NotBestEffort|PriorityClass|CrossNamespacePodAffinity|VolumeAttributesClass! operator:In|NotIn|Exists|DoesNotExist! values:[str]
QuotaScopeSelector = matchExpressions:[QuotaScope]
QuotaSpec = hard:qtys scopes:[Terminating|NotTerminating|BestEffort|NotBestEffort|PriorityClass|CrossNamespacePodAffinity] scopeSelector:QuotaScopeSelector
ResourceQuota = ~apiVersion ~kind metadata:ObjectMeta! spec:QuotaSpec! ~status
CsiDriverSpec = storageCapacity:bool preventPodSchedulingIfMissing:bool -attachRequired:bool -podInfoOnMount:bool -volumeLifecycleModes -fsGroupPolicy -tokenRequests
CsiDriverSpec += -requiresRepublish -seLinuxMount -nodeAllocatableUpdatePeriodSeconds -serviceAccountTokenInSecrets
CSIDriver = ~apiVersion ~kind metadata:ObjectMeta! spec:CsiDriverSpec!
CsiAllocatable = count:uint
CsiNodeDriver = name:str! allocatable:CsiAllocatable ~nodeID ~topologyKeys
CsiNodeSpec = drivers:[CsiNodeDriver]!
CSINode = ~apiVersion ~kind metadata:ObjectMeta! spec:CsiNodeSpec!
CSIStorageCapacity = ~apiVersion ~kind metadata:ObjectMeta! storageClassName:str! nodeTopology:LabelSelector capacity:qty maximumVolumeSize:qty
kind v1 Pod n Pod
kind v1 Node c Node
kind v1 Namespace c Namespace
kind v1 ConfigMap n ConfigMap
kind v1 Secret n Secret
kind v1 Service n Service
kind v1 Endpoints n Endpoints
kind discovery.k8s.io/v1 EndpointSlice n EndpointSlice
kind v1 PersistentVolume c PersistentVolume
kind v1 PersistentVolumeClaim n PersistentVolumeClaim
kind v1 ReplicationController n ReplicationController
kind v1 ResourceQuota n ResourceQuota
kind v1 LimitRange n LimitRange
kind storage.k8s.io/v1 StorageClass c StorageClass
kind storage.k8s.io/v1 CSIDriver c CSIDriver
kind storage.k8s.io/v1 CSINode c CSINode
kind storage.k8s.io/v1 CSIStorageCapacity n CSIStorageCapacity
kind scheduling.k8s.io/v1 PriorityClass c PriorityClass
kind node.k8s.io/v1 RuntimeClass c RuntimeClass
kind policy/v1 PodDisruptionBudget n PodDisruptionBudget
kind autoscaling/v2 HorizontalPodAutoscaler n HorizontalPodAutoscaler
kind autoscaling/v1 HorizontalPodAutoscaler n HorizontalPodAutoscalerV1
kind apps/v1 Deployment n Deployment
kind apps/v1 ReplicaSet n ReplicaSet
kind apps/v1 StatefulSet n StatefulSet
kind apps/v1 DaemonSet n DaemonSet
kind batch/v1 Job n Job
kind batch/v1 CronJob n CronJob
kind v1 ServiceAccount n- any
kind v1 Event n- any
kind v1 PodTemplate n- any
kind v1 Binding n- any
kind v1 ComponentStatus c- any
kind events.k8s.io/v1 Event n- any
kind apps/v1 ControllerRevision n- any
kind storage.k8s.io/v1 VolumeAttachment c- any
kind storage.k8s.io/v1 VolumeAttributesClass c- any
kind coordination.k8s.io/v1 Lease n- any
kind networking.k8s.io/v1 Ingress n- any
kind networking.k8s.io/v1 IngressClass c- any
kind networking.k8s.io/v1 NetworkPolicy n- any
kind rbac.authorization.k8s.io/v1 Role n- any
kind rbac.authorization.k8s.io/v1 RoleBinding n- any
kind rbac.authorization.k8s.io/v1 ClusterRole c- any
kind rbac.authorization.k8s.io/v1 ClusterRoleBinding c- any
kind apiextensions.k8s.io/v1 CustomResourceDefinition c- any
kind apiregistration.k8s.io/v1 APIService c- any
kind admissionregistration.k8s.io/v1 MutatingWebhookConfiguration c- any
kind admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration c- any
kind admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy c- any
kind admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding c- any
)";
}

}  // namespace berth::manifest
