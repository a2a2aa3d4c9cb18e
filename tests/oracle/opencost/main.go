// OpenCost's own allocations of windows, from a Prometheus: the judge of `ampql allocate`.
//
//	opencost URL CONFIG_FOLDER RESOLUTION_SECONDS
//
// Reads a window a line, "START END" in Unix seconds, and answers each with a line of JSON: what ComputeAllocation says, by
// name, every number as it is, where OpenCost's API rounds. The folder holds the prices, default.json.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/opencost/opencost/pkg/cloud/provider"
	"github.com/opencost/opencost/pkg/config"
	"github.com/opencost/opencost/pkg/costmodel"
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
		"total_cost": a.TotalCost(), "total_efficiency": a.TotalEfficiency(),
	}
}

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
	return costmodel.NewCostModel(client, &provider.CustomProvider{Config: prices}, nil, nil, time.Minute), nil
}

func answer(cm *costmodel.CostModel, line string, resolution time.Duration) (map[string]any, error) {
	var start, end int64
	if _, err := fmt.Sscanf(line, "%d %d", &start, &end); err != nil {
		return nil, fmt.Errorf("%q: expected START END: %w", line, err)
	}
	set, err := cm.ComputeAllocation(time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC(), resolution)
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
		rows, err := answer(cm, lines.Text(), time.Duration(seconds)*time.Second)
		if err == nil {
			err = out.Encode(rows)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
