// OpenCost's own allocations of windows, from a Prometheus: the judge of `ampql allocate`.
//
//	opencost URL CONFIG_FOLDER RESOLUTION_SECONDS
//
// Reads a question a line, JSON as struct question has it, and answers each with a line of JSON: Rows, the lines of the bill
// by name, every number as it is, where OpenCost's API rounds; or an Error. The folder holds the prices, default.json.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencost/opencost/pkg/cloud/provider"
	"github.com/opencost/opencost/pkg/config"
	"github.com/opencost/opencost/pkg/costmodel"
	"github.com/opencost/opencost/pkg/costmodel/clusters"
	"github.com/opencost/opencost/pkg/filter21/allocation"
	"github.com/opencost/opencost/pkg/kubecost"
	"github.com/opencost/opencost/pkg/prom"
)

type volume struct {
	Cluster   string  `json:"cluster"`
	Name      string  `json:"name"`
	ByteHours float64 `json:"byte_hours"`
	Cost      float64 `json:"cost"`
}

type balancer struct {
	Service string  `json:"service"`
	Cost    float64 `json:"cost"`
	Private bool    `json:"private"`
}

// A window in Unix seconds, and how its lines are made, by AggregateBy; without Aggregate they are ComputeAllocation's.
// Controllers: "kind:name" by container. A pod that two select goes to either, by a hash map's order, and lines could not be
// compared if they were made of other ones than the containers.
type question struct {
	Start, End      int64
	Idle            bool
	Aggregate       []string
	ShareIdle       bool
	IdleByNode      bool
	SplitIdle       bool
	ShareNamespaces []string
	ShareEvenly     bool
	ShareHourly     float64
	Breakdown       bool
	Metadata        bool
	Proportional    bool // parts of assets, which only its API makes: of Step seconds accumulated, or at once
	Step            int64
	Controllers     map[string]string
}

// What rows have of assets, by OpenCost's keys.
func assets(a *kubecost.Allocation) map[string]kubecost.ProportionalAssetResourceCost {
	out := map[string]kubecost.ProportionalAssetResourceCost{}
	for key, part := range a.ProportionalAssetResourceCosts {
		out[key] = part
	}
	return out
}

func row(a *kubecost.Allocation) map[string]any {
	p := a.Properties
	volumes := []volume{}
	for key, part := range a.PVs {
		volumes = append(volumes, volume{key.Cluster, key.Name, part.ByteHours, part.Cost})
	}
	balancers := map[string]balancer{}
	for key, part := range a.LoadBalancers {
		balancers[key] = balancer{part.Service, part.Cost, part.Private}
	}
	cpuMax, ramMax := 0.0, 0.0
	if a.RawAllocationOnly != nil {
		cpuMax, ramMax = a.RawAllocationOnly.CPUCoreUsageMax, a.RawAllocationOnly.RAMBytesUsageMax
	}
	return map[string]any{
		"cluster": p.Cluster, "node": p.Node, "namespace": p.Namespace, "pod": p.Pod, "container": p.Container,
		"controller": p.Controller, "controller_kind": p.ControllerKind, "provider_id": p.ProviderID,
		"services": p.Services, "labels": p.Labels, "annotations": p.Annotations,
		"start": a.Start.Unix(), "end": a.End.Unix(), "minutes": a.Minutes(),
		"cpu_core_hours": a.CPUCoreHours, "cpu_cores": a.CPUCores(),
		"cpu_core_request_average": a.CPUCoreRequestAverage, "cpu_core_usage_average": a.CPUCoreUsageAverage,
		"cpu_core_usage_max": cpuMax, "cpu_cost": a.CPUCost, "cpu_efficiency": a.CPUEfficiency(),
		"ram_byte_hours": a.RAMByteHours, "ram_bytes": a.RAMBytes(),
		"ram_byte_request_average": a.RAMBytesRequestAverage, "ram_byte_usage_average": a.RAMBytesUsageAverage,
		"ram_byte_usage_max": ramMax, "ram_cost": a.RAMCost, "ram_efficiency": a.RAMEfficiency(),
		"gpu_hours": a.GPUHours, "gpu_cost": a.GPUCost,
		"network_transfer_bytes": a.NetworkTransferBytes, "network_receive_bytes": a.NetworkReceiveBytes,
		"network_cost": a.NetworkCost, "network_cross_zone_cost": a.NetworkCrossZoneCost,
		"network_cross_region_cost": a.NetworkCrossRegionCost, "network_internet_cost": a.NetworkInternetCost,
		"load_balancer_cost": a.LoadBalancerCost, "lbs": balancers,
		"pv_cost": a.PVCost(), "pv_byte_hours": a.PVByteHours(), "pvs": volumes,
		"shared_cost": a.SharedCost, "shared": a.SharedCostBreakdown, "assets": assets(a),
		"total_cost": a.TotalCost(), "total_efficiency": a.TotalEfficiency(),
	}
}

// No cluster is known by more than its id.
type noClusters struct{ clusters.ClusterMap }

func (noClusters) AsMap() map[string]*clusters.ClusterInfo { return nil }

func model(url, folder string) (*costmodel.CostModel, error) {
	client, err := prom.NewPrometheusClient(url, &prom.PrometheusClientConfig{
		Timeout: 2 * time.Minute, KeepAlive: time.Minute, QueryConcurrency: 5})
	if err != nil {
		return nil, err
	}
	if err := os.Setenv("CONFIG_PATH", "/"); err != nil { // where default.json is in the folder
		return nil, err
	}
	files := config.NewConfigFileManager(&config.ConfigFileManagerOpts{LocalConfigPath: folder})
	prices := provider.NewProviderConfig(files, "default.json")
	return costmodel.NewCostModel(client, &provider.CustomProvider{Config: prices}, nil, noClusters{}, time.Minute), nil
}

func (q *question) options() (*kubecost.AllocationAggregationOptions, error) {
	o := &kubecost.AllocationAggregationOptions{
		IdleByNode: q.IdleByNode, SplitIdle: q.SplitIdle, SharedNamespaces: q.ShareNamespaces,
		ShareIdle: kubecost.ShareNone, ShareSplit: kubecost.ShareWeighted,
		IncludeSharedCostBreakdown: q.Breakdown, IncludeAggregatedMetadata: q.Metadata,
	}
	if q.ShareIdle {
		o.ShareIdle = kubecost.ShareWeighted
	}
	if q.ShareEvenly {
		o.ShareSplit = kubecost.ShareEven
	}
	if q.ShareHourly > 0 {
		o.SharedHourlyCosts = map[string]float64{"overhead": q.ShareHourly}
	}
	if len(q.ShareNamespaces) == 0 {
		return o, nil
	}
	text := `namespace:"` + strings.Join(q.ShareNamespaces, `","`) + `"`
	var err error
	o.Share, err = allocation.NewAllocationFilterParser().Parse(text)
	return o, err
}

func (q *question) set(cm *costmodel.CostModel, resolution time.Duration) (*kubecost.AllocationSet, error) {
	start, end := time.Unix(q.Start, 0).UTC(), time.Unix(q.End, 0).UTC()
	if !q.Idle {
		return cm.ComputeAllocation(start, end, resolution)
	}
	step, accumulate := end.Sub(start), kubecost.AccumulateOptionNone
	var by []string
	if q.Proportional {
		by = q.Aggregate
	}
	if q.Step > 0 {
		step, accumulate = time.Duration(q.Step)*time.Second, kubecost.AccumulateOptionAll
	}
	sets, err := cm.QueryAllocation(kubecost.NewClosedWindow(start, end), resolution, step, by, true, q.IdleByNode,
		q.Proportional, q.Metadata, false, accumulate)
	if err != nil {
		return nil, err
	}
	return sets.Allocations[0], nil
}

func answer(cm *costmodel.CostModel, line []byte, resolution time.Duration) (map[string]any, error) {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return nil, fmt.Errorf("%q: %w", line, err)
	}
	set, err := q.set(cm, resolution)
	if err != nil {
		return nil, err
	}
	for name, text := range q.Controllers {
		if a := set.Allocations[name]; a != nil {
			a.Properties.ControllerKind, a.Properties.Controller, _ = strings.Cut(text, ":")
		}
	}
	options, err := q.options()
	if err == nil && q.Aggregate != nil && !q.Proportional {
		err = set.AggregateBy(q.Aggregate, options)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, a := range set.Allocations {
		out[name] = row(a)
	}
	return out, nil
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: opencost URL CONFIG_FOLDER RESOLUTION_SECONDS")
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	cm, err := model(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var reply struct {
			Rows  map[string]any
			Error string
		}
		reply.Rows, err = answer(cm, lines.Bytes(), time.Duration(seconds)*time.Second)
		if err != nil {
			reply.Error = err.Error()
		}
		if err := out.Encode(reply); err != nil {
			log.Fatal(err)
		}
	}
}
