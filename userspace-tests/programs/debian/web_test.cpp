// SPDX-License-Identifier: GPL-2.0-or-later
// nginx with two workers, and curl with eight connections at a time; in clear and over TLS.
// XINET_NGINX is the path of nginx.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "debian.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr size_t file_size = 20'000;
constexpr unsigned few = 100; // requests, where one end is of PF_INET
constexpr const char* in_clear = "http://10.77.0.1:8080/file";
constexpr const char* over_tls = "https://10.77.0.1:8443/file";

// What the server needs.
class Website {
public:
    Website() {
        write_random(files_.path("file"), file_size);
        const ProgramResult certificate =
            run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                         "/CN=10.77.0.1", "-addext", "subjectAltName=IP:10.77.0.1", "-keyout",
                         files_.path("key"), "-out", files_.path("certificate")});
        if (certificate.status != 0)
            throw std::runtime_error(describe(certificate));
        std::ofstream(files_.path("nginx.conf")) << configuration();
    }
    [[nodiscard]] Words server() const {
        const char* const nginx = std::getenv("XINET_NGINX");
        if (!nginx)
            throw std::runtime_error("XINET_NGINX must be the path of nginx");
        return {nginx, "-p", files_.path(""), "-e", "stderr", "-c", files_.path("nginx.conf")};
    }
    [[nodiscard]] Words client(const char* url, unsigned requests) const {
        return {"curl",
                "-s",
                "--cacert",
                files_.path("certificate"),
                "-Z",
                "--parallel-max",
                "8",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code} %{size_download}\\n",
                std::string(url) + "?[1-" + std::to_string(requests) + "]"};
    }

private:
    [[nodiscard]] std::string configuration() const {
        return "daemon off;\n"
               "worker_processes 2;\n"
               "user www-data;\n"
               "pid nginx.pid;\n"
               "error_log stderr;\n"
               "events { worker_connections 512; }\n"
               "http {\n"
               "    access_log off;\n"
               "    sendfile on;\n"
               "    client_body_temp_path temporary-1;\n"
               "    proxy_temp_path temporary-2;\n"
               "    fastcgi_temp_path temporary-3;\n"
               "    uwsgi_temp_path temporary-4;\n"
               "    scgi_temp_path temporary-5;\n"
               "    ssl_certificate certificate;\n"
               "    ssl_certificate_key key;\n"
               "    server {\n"
               "        listen 10.77.0.1:8080 reuseport;\n"
               "        listen 10.77.0.1:8443 ssl;\n"
               "        root " +
               files_.path("") +
               ";\n"
               "    }\n"
               "}\n";
    }

    ScratchDirectory files_;
};

size_t files_received(const ProgramResult& curl) {
    return lines_matching(curl.output, "^200 20000$");
}

// A server, and clients one after the other, which are "curl 1" and so on.
Run serve(const Words& server, const std::vector<Words>& clients) {
    Run run;
    const ModuleReferences references;
    BackgroundProgram nginx(server);
    run.listens = listens_on_tcp(8080) && listens_on_tcp(8443);
    run.held = references.more();
    for (const Words& client : clients)
        if (run.listens)
            run.programs["curl " + std::to_string(run.programs.size() + 1)] = run_program(client);
    run.programs["nginx"] = end_by(nginx, SIGQUIT);
    run.released = references.released();
    return run;
}

Run serve_over_xinet() {
    const Website site;
    const unsigned requests = amount().requests;
    return serve(over_xinet(site.server()), {at_peer(over_xinet(site.client(in_clear, requests))),
                                             at_peer(over_xinet(site.client(over_tls, requests)))});
}

Run serve_clients_of_inet() {
    const Website site;
    return serve(over_xinet(site.server()), {at_peer(site.client(in_clear, few))});
}

Run serve_over_inet() {
    const Website site;
    return serve(site.server(), {at_peer(over_xinet(site.client(over_tls, few)))});
}

class Web : public testing::Test, protected AfterRun {
protected:
    Web() : AfterRun("nginx", serve_over_xinet) {}
};

TEST_F(Web, server_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_F(Web, server_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("nginx")));
}

TEST_F(Web, server_holds_the_module) {
    EXPECT_TRUE(run().held);
}

TEST_F(Web, every_request_is_answered) {
    EXPECT_EQ(files_received(program("curl 1")), amount().requests);
}

TEST_F(Web, client_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("curl 1")));
}

TEST_F(Web, every_request_over_tls_is_answered) {
    EXPECT_EQ(files_received(program("curl 2")), amount().requests);
}

TEST_F(Web, client_of_tls_runs_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("curl 2")));
}

TEST_F(Web, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

class MixedWebClient : public testing::Test, protected AfterRun {
protected:
    MixedWebClient() : AfterRun("nginx, curl of PF_INET", serve_clients_of_inet) {}
};

TEST_F(MixedWebClient, every_request_of_pf_inet_is_answered) {
    EXPECT_EQ(files_received(program("curl 1")), few);
    EXPECT_TRUE(over_xinet_only(program("nginx")));
}

class MixedWebServer : public testing::Test, protected AfterRun {
protected:
    MixedWebServer() : AfterRun("nginx of PF_INET", serve_over_inet) {}
};

TEST_F(MixedWebServer, of_pf_inet_listens) {
    EXPECT_TRUE(run().listens);
}

TEST_F(MixedWebServer, of_pf_inet_answers_every_request_over_tls) {
    EXPECT_EQ(files_received(program("curl 1")), few);
}

TEST_F(MixedWebServer, has_clients_over_pf_xinet) {
    EXPECT_TRUE(over_xinet_only(program("curl 1")));
}

TEST_F(MixedWebServer, leaves_no_socket) {
    EXPECT_TRUE(run().released);
}

} // namespace
} // namespace xt
