//go:build cgo

package ampql

/*
#include <stdlib.h>
#include "flat.h"
*/
import "C"

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"unsafe"
)

// RoundTripper answers requests of Prometheus's HTTP API in process, as `ampql serve` would over HTTP: give it to a client of
// that API, and no server is needed. The host of a request is not looked at. Answers and errors are Prometheus's, as
// ampql_http_answer has them; a request whose context ends stops, and no other one.
func (db *DB) RoundTripper() http.RoundTripper { return roundTripper{db} }

type roundTripper struct{ db *DB }

// RoundTrip answers one request; its body is read and closed.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		body, err = io.ReadAll(request.Body)
		request.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	var response *http.Response
	var failed error
	err := r.db.run(request.Context(), func(source *C.struct_ampql_source, run *C.struct_ampql_run_options) {
		response, failed = r.db.answer(source, run, request, body)
	})
	if err != nil {
		return nil, err
	}
	return response, failed
}

func (db *DB) answer(source *C.struct_ampql_source, run *C.struct_ampql_run_options, request *http.Request, body []byte) (*http.Response, error) {
	var e C.struct_ampql_error
	var given *C.struct_ampql_answer
	// In C's memory, since they point to one another.
	asked := (*C.struct_ampql_http_request)(C.calloc(1, C.sizeof_struct_ampql_http_request))
	options := (*C.struct_ampql_http_api_options)(C.calloc(1, C.sizeof_struct_ampql_http_api_options))
	own := (*C.struct_ampql_run_options)(C.calloc(1, C.sizeof_struct_ampql_run_options))
	*own = *run
	asked.size, options.size = C.sizeof_struct_ampql_http_request, C.sizeof_struct_ampql_http_api_options
	options.run = own
	frees := []unsafe.Pointer{unsafe.Pointer(asked), unsafe.Pointer(options), unsafe.Pointer(own)}
	view := func(s []byte) C.struct_ampql_string {
		p := C.CBytes(s)
		frees = append(frees, p)
		return C.struct_ampql_string{data: (*C.char)(p), size: C.size_t(len(s))}
	}
	asked.method = view([]byte(request.Method))
	asked.target = view([]byte(request.URL.RequestURI()))
	asked.content_type = view([]byte(request.Header.Get("Content-Type")))
	asked.body = view(body)
	code := C.ampql_http_answer(db.engine, source, asked, options, &given, &e)
	for _, p := range frees {
		C.free(p)
	}
	if code != C.AMPQL_OK {
		return nil, failure(&e)
	}
	defer C.ampql_answer_free(given)
	status := int(C.ampql_answer_status(given))
	said := C.ampql_answer_body(given)
	content := C.GoBytes(unsafe.Pointer(said.data), C.int(said.size))
	return &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {C.GoString(C.ampql_answer_content_type(given))}},
		Body:          io.NopCloser(bytes.NewReader(content)),
		ContentLength: int64(len(content)),
		Request:       request,
	}, nil
}
