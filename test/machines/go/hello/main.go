// What tests run in pods. Without arguments a web server that tells where it runs; "hog-memory" and "hog-cpu" take all
// they can get.
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "hog-memory":
		hogMemory()
	case len(os.Args) > 1 && os.Args[1] == "hog-cpu":
		hogCPU()
	default:
		serve()
	}
}

func serve() {
	host, _ := os.Hostname()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "hello from %s\n", host) })
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}

// 16 MB every 50 ms, each page written so that it is really there.
func hogMemory() {
	var kept [][]byte
	for {
		block := make([]byte, 16<<20)
		for index := 0; index < len(block); index += 4096 {
			block[index] = 1
		}
		kept = append(kept, block)
		fmt.Printf("%d MB\n", len(kept)*16)
		time.Sleep(50 * time.Millisecond)
	}
}

func hogCPU() {
	for range 4 * runtime.NumCPU() {
		go func() {
			for {
			}
		}()
	}
	select {}
}
