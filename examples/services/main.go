// Command services is one of the three services of this example: auth, case-api or payment-api. It answers on a port of
// this machine, and is not healthy if UNHEALTHY has its name.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: services NAME PORT")
	}
	name, port := os.Args[1], os.Args[2]
	server := &http.Server{Addr: net.JoinHostPort("127.0.0.1", port), Handler: service(name, os.Getenv("UNHEALTHY") == name), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("%s listens on %s", name, server.Addr)
	log.Fatal(server.ListenAndServe())
}

// service is what each of the services does: it says how it is, and echoes what it is asked for.
func service(name string, down bool) http.Handler {
	answer := func(w http.ResponseWriter, status int, body map[string]string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(body); err != nil {
			log.Print(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if down {
			answer(w, http.StatusServiceUnavailable, map[string]string{"status": "DOWN", "service": name})
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "UP", "service": name})
	})
	mux.HandleFunc("POST /{thing}", func(w http.ResponseWriter, r *http.Request) {
		if down {
			answer(w, http.StatusInternalServerError, map[string]string{"error": fmt.Sprintf("%s is unhealthy", name)})
			return
		}
		answer(w, http.StatusCreated, map[string]string{"made": r.PathValue("thing"), "by": name})
	})
	return mux
}
