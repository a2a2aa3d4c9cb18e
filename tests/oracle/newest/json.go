//go:build json

// What the HTTP API would write: only with -tags json, since the API brings half of Prometheus along.
package main

import (
	"github.com/prometheus/prometheus/promql"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

func init() {
	encode = func(text string, result *promql.Result) ([]byte, error) {
		warnings, infos := result.Warnings.AsStrings(text, 10, 10)
		return v1.JSONCodec{}.Encode(&v1.Response{
			Status:   "success",
			Data:     &v1.QueryData{ResultType: result.Value.Type(), Result: result.Value},
			Warnings: warnings,
			Infos:    infos,
		})
	}
}
