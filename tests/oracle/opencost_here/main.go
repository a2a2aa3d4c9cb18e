// OpenCost's own client and cost model (1.108) without a server: with ampql's RoundTripper under its Prometheus client each of
// its requests has the same answer, byte for byte, as over HTTP from `ampql serve`, and it makes the same allocations of them.
// Numbers of those are not compared: OpenCost itself adds up in the order of hash maps.
//
//	opencost_here CAPTURE URL CONFIG_FOLDER START END        Unix seconds; the folder holds the prices, default.json
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"

	"example.org/ampql"
	"github.com/opencost/opencost/pkg/cloud/provider"
	"github.com/opencost/opencost/pkg/config"
	"github.com/opencost/opencost/pkg/costmodel"
	"github.com/opencost/opencost/pkg/costmodel/clusters"
	"github.com/opencost/opencost/pkg/prom"
	"github.com/prometheus/client_golang/api"
)

// No cluster is known by more than its id.
type noClusters struct{ clusters.ClusterMap }

func (noClusters) AsMap() map[string]*clusters.ClusterInfo { return nil }

// noted keeps what was answered to which request.
type noted struct {
	through http.RoundTripper
	mutex   sync.Mutex
	answers map[string]string
}

func (n *noted) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.through.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	n.mutex.Lock()
	n.answers[request.Method+" "+request.URL.RequestURI()] = response.Status + "\n" + string(body)
	n.mutex.Unlock()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// bill is the names of OpenCost's allocations, in order, and the answers that it made them of.
func bill(address string, through http.RoundTripper, folder string, start, end time.Time) ([]string, map[string]string, error) {
	notes := &noted{through: through, answers: map[string]string{}}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: notes})
	if err != nil {
		return nil, nil, err
	}
	limited, err := prom.NewRateLimitedClient(prom.PrometheusClientID, client, 5, nil, nil, nil, "", "")
	if err != nil {
		return nil, nil, err
	}
	files := config.NewConfigFileManager(&config.ConfigFileManagerOpts{LocalConfigPath: folder})
	prices := provider.NewProviderConfig(files, "default.json")
	model := costmodel.NewCostModel(limited, &provider.CustomProvider{Config: prices}, nil, noClusters{}, time.Minute)
	set, err := model.ComputeAllocation(start, end, 5*time.Minute)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for name := range set.Allocations {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, notes.answers, nil
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: opencost_here CAPTURE URL CONFIG_FOLDER START END")
	}
	seconds := func(text string) time.Time {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			log.Fatal(err)
		}
		return time.Unix(n, 0).UTC()
	}
	start, end := seconds(os.Args[4]), seconds(os.Args[5])
	os.Setenv("CONFIG_PATH", "/") // where default.json is in the folder
	db, err := ampql.OpenWith(os.Args[1], ampql.Options{Concurrency: 5})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	got, gotAnswers, err := bill("http://ampql", db.RoundTripper(), os.Args[3], start, end)
	if err != nil {
		log.Fatal(err)
	}
	want, wantAnswers, err := bill(os.Args[2], api.DefaultRoundTripper, os.Args[3], start, end)
	if err != nil {
		log.Fatal(err)
	}
	for request, answer := range wantAnswers {
		if gotAnswers[request] != answer {
			fmt.Printf("  FAIL OpenCost in process: %s\n%.300s\nover HTTP\n%.300s\n", request, gotAnswers[request], answer)
			os.Exit(1)
		}
	}
	if !reflect.DeepEqual(got, want) || len(got) == 0 || len(gotAnswers) != len(wantAnswers) {
		fmt.Printf("  FAIL OpenCost in process: %v\nover HTTP\n%v\n", got, want)
		os.Exit(1)
	}
	fmt.Printf("  OK   OpenCost in process: %d allocations of %d answers, all as over HTTP\n", len(got), len(gotAnswers))
}
