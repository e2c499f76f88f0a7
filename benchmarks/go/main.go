// Go's own httputil.ReverseProxy doing the work of the benchmark: a fixed bearer over a verified TLS keep-alive pool.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const bufferSize = 64 << 10

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte       { return *(b.pool.Get().(*[]byte)) }
func (b *buffers) Put(buffer []byte) { b.pool.Put(&buffer) }

func read(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return content
}

func main() {
	listen := flag.String("listen", "", "host:port for callers")
	upstream := flag.String("upstream", "", "origin of the API")
	ca := flag.String("ca", "", "PEM file with the root of the API")
	bearer := flag.String("bearer", "", "file with the token")
	flag.Parse()

	origin, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(*ca)) {
		log.Fatal("no certificate in ", *ca)
	}
	authorization := "Bearer " + strings.TrimSpace(string(read(*bearer)))
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(origin)
			r.Out.Header.Set("Authorization", authorization)
		},
		BufferPool: &buffers{sync.Pool{New: func() any { buffer := make([]byte, bufferSize); return &buffer }}},
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots},
			MaxIdleConns:        512,
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     300 * time.Second,
			DisableCompression:  true,
			ReadBufferSize:      bufferSize,
			WriteBufferSize:     bufferSize,
		},
	}
	log.Fatal((&http.Server{Addr: *listen, Handler: proxy}).ListenAndServe())
}
