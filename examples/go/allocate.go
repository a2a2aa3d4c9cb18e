//go:build cgo

package ampql

/*
#include <stdlib.h>
#include "flat.h"
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// AllocateOptions say which bill: see struct ampql_cost_options in <ampql/cost.h>.
type AllocateOptions struct {
	Start, End time.Time // the window, whole seconds
	Aggregate  string    // "namespace", "cluster,node", "label:app", ...; "": one line a container
	Filter     string    // OpenCost's filter v2
	Idle       bool      // what nodes cost beyond their allocations, as "__idle__"
	ClusterID  string    // of series without the label cluster_id
	Queries    int       // 2024 or 2026: OpenCost's queries of that year; 0: 2024
}

// Allocation is a line of the bill: costs are $ for the window.
type Allocation struct {
	Name, Cluster, Node, Namespace, Pod, Container, Controller, ControllerKind, ProviderID string

	WindowStart, WindowEnd, Start, End                  time.Time
	CPUCoreHours, CPUCoreRequest, CPUCoreUsage, CPUCost float64
	RAMByteHours, RAMByteRequest, RAMByteUsage, RAMCost float64
	GPUHours, GPUCost, NetworkCost, LoadBalancerCost    float64
	PVByteHours, PVCost, SharedCost, TotalCost          float64
	CPUEfficiency, RAMEfficiency, TotalEfficiency       float64
}

// Bill has lines in the order of names, and their total.
type Bill struct {
	Lines    []Allocation
	Total    Allocation
	Warnings []string
	Stats    Stats
}

// Allocate computes what containers, namespaces, ... of a window cost, as OpenCost does.
func (db *DB) Allocate(ctx context.Context, o AllocateOptions) (*Bill, error) {
	var bill *Bill
	var failed error
	err := db.run(ctx, func(source *C.struct_ampql_source, run *C.struct_ampql_run_options) {
		bill, failed = db.allocate(source, run, o)
	})
	if err != nil {
		return nil, err
	}
	return bill, failed
}

// costOptions are C's; free what is returned with them.
func costOptions(run *C.struct_ampql_run_options, o AllocateOptions) (*C.struct_ampql_cost_options, *C.struct_ampql_aggregate_options, func()) {
	cost := (*C.struct_ampql_cost_options)(C.calloc(1, C.sizeof_struct_ampql_cost_options))
	lines := (*C.struct_ampql_aggregate_options)(C.calloc(1, C.sizeof_struct_ampql_aggregate_options))
	aggregate, filter, cluster := C.CString(o.Aggregate), C.CString(o.Filter), C.CString(o.ClusterID)
	cost.size = C.sizeof_struct_ampql_cost_options
	lines.size = C.sizeof_struct_ampql_aggregate_options
	lines.aggregate, lines.filter = aggregate, filter
	if o.Aggregate == "" {
		lines.aggregate = nil
	}
	cost.lines = lines
	cost.cluster_id = cluster
	cost.start_ms, cost.end_ms = C.int64_t(o.Start.UnixMilli()), C.int64_t(o.End.UnixMilli())
	cost.idle = C.bool(o.Idle)
	cost.dialect, cost.timeout_ms, cost.max_samples = run.dialect, run.timeout_ms, run.max_samples
	cost.cancel = run.cancel
	if o.Queries == 2026 {
		cost.queries = C.AMPQL_COST_2026
	}
	return cost, lines, func() {
		for _, p := range []unsafe.Pointer{unsafe.Pointer(aggregate), unsafe.Pointer(filter), unsafe.Pointer(cluster),
			unsafe.Pointer(cost), unsafe.Pointer(lines)} {
			C.free(p)
		}
	}
}

func (db *DB) allocate(source *C.struct_ampql_source, run *C.struct_ampql_run_options, o AllocateOptions) (*Bill, error) {
	var e C.struct_ampql_error
	var computed *C.struct_ampql_allocations
	cost, _, free := costOptions(run, o)
	defer free()
	if C.ampql_allocate(db.engine, source, cost, &computed, &e) != C.AMPQL_OK {
		return nil, failure(&e)
	}
	defer C.ampql_allocations_free(computed)
	n := int(C.ampql_allocations_count(computed)) + 1
	numbers := make([]float64, n*C.FLAT_NNUMBERS)
	ends := make([]uint64, n*C.FLAT_NTEXTS)
	bytes := make([]byte, C.flat_bill_text(computed))
	C.flat_bill(computed, (*C.double)(first(numbers)), (*C.uint64_t)(first(ends)), (*C.char)(unsafe.Pointer(first(bytes))))
	lines := takeLines(n, numbers, ends, string(bytes))
	bill := &Bill{Lines: lines[:n-1], Total: lines[n-1], Stats: stats(C.ampql_allocations_stats(computed))}
	for i := C.size_t(0); i < C.ampql_allocations_warning_count(computed); i++ {
		bill.Warnings = append(bill.Warnings, text(C.ampql_allocations_warning(computed, i)))
	}
	return bill, nil
}

func takeLines(n int, numbers []float64, ends []uint64, words string) []Allocation {
	lines, at := make([]Allocation, n), uint64(0)
	for i := range lines {
		f := numbers[i*C.FLAT_NNUMBERS : (i+1)*C.FLAT_NNUMBERS]
		var s [C.FLAT_NTEXTS]string
		for k, end := range ends[i*C.FLAT_NTEXTS : (i+1)*C.FLAT_NTEXTS] {
			s[k] = words[at:end]
			at = end
		}
		when := func(k int) time.Time { return time.UnixMilli(int64(f[k])).UTC() }
		lines[i] = Allocation{
			Name: s[C.FLAT_NAME], Cluster: s[C.FLAT_CLUSTER], Node: s[C.FLAT_NODE], Namespace: s[C.FLAT_NAMESPACE],
			Pod: s[C.FLAT_POD], Container: s[C.FLAT_CONTAINER], Controller: s[C.FLAT_CONTROLLER],
			ControllerKind: s[C.FLAT_CONTROLLER_KIND], ProviderID: s[C.FLAT_PROVIDER_ID],
			WindowStart: when(C.FLAT_WINDOW_START), WindowEnd: when(C.FLAT_WINDOW_END),
			Start: when(C.FLAT_START), End: when(C.FLAT_END),
			CPUCoreHours: f[C.FLAT_CPU_CORE_HOURS], CPUCoreRequest: f[C.FLAT_CPU_CORE_REQUEST],
			CPUCoreUsage: f[C.FLAT_CPU_CORE_USAGE], CPUCost: f[C.FLAT_CPU_COST],
			RAMByteHours: f[C.FLAT_RAM_BYTE_HOURS], RAMByteRequest: f[C.FLAT_RAM_BYTE_REQUEST],
			RAMByteUsage: f[C.FLAT_RAM_BYTE_USAGE], RAMCost: f[C.FLAT_RAM_COST],
			GPUHours: f[C.FLAT_GPU_HOURS], GPUCost: f[C.FLAT_GPU_COST], NetworkCost: f[C.FLAT_NETWORK_COST],
			LoadBalancerCost: f[C.FLAT_LOAD_BALANCER_COST], PVByteHours: f[C.FLAT_PV_BYTE_HOURS], PVCost: f[C.FLAT_PV_COST],
			SharedCost: f[C.FLAT_SHARED_COST], TotalCost: f[C.FLAT_TOTAL_COST], CPUEfficiency: f[C.FLAT_CPU_EFFICIENCY],
			RAMEfficiency: f[C.FLAT_RAM_EFFICIENCY], TotalEfficiency: f[C.FLAT_TOTAL_EFFICIENCY],
		}
	}
	return lines
}
