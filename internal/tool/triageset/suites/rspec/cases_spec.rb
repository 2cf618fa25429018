require "json"
require "net/http"
require "socket"

RSpec.describe "cases" do
  def get(path)
    uri = URI(path.include?("://") ? path : ENV.fetch("CASE_API") + path)
    Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", open_timeout: 1, read_timeout: 1, max_retries: 0) { |http| http.get(uri.request_uri) }
  end

  def body(path)
    response = get(path)
    raise "GET #{path}: status #{response.code}: #{response.body}" unless response.code == "200"

    JSON.parse(response.body)
  end

  it("value") { expect(body("/value")["state"]).to eq("ACCEPTED") }
  it("lag") { expect(body("/lag")["state"]).to eq("ACCEPTED") }
  it("more") { expect(body("/more")).to eq(%w[a b]) }
  it("fewer") { expect(body("/fewer")).to eq(%w[a b]) }
  it("server") { expect(get("/server").code.to_i).to eq(200) }
  it("gateway") { body("/gateway") }
  it("conflict") { body("/conflict") }
  it("missing") { expect(get("/missing").code.to_i).to eq(200) }
  it("denied") { expect(get("/denied").code.to_i).to eq(200) }
  it("limited") { body("/limited") }
  it("reset") { body("/reset") }
  it("slow") { body("/slow") }
  it("crash") { body("/crash") }
  it("refused") { get(ENV.fetch("UNUSED_PORT") + "/cases") }
  it("name") { get("http://case-api.internal:8080/cases") }
  it("third") { get("https://api.rates-of-exchange.com/v1/latest") }
  it("null") { expect(body("/null")["owner"]["name"]).to eq("ada") }
  it("undefined") { expect(accepted_case).not_to be_nil }
  it("unset") { raise "environment variable CASE_API_TOKEN is not set" unless ENV["CASE_API_TOKEN"] }
  it("port") { host, port = ENV.fetch("TAKEN").split(":"); TCPServer.new(host, port.to_i) }
  it "wait" do
    deadline = Time.now + 1
    sleep 0.1 while body("/lag")["state"] != "ACCEPTED" && Time.now < deadline
    raise "timed out waiting for the case to be accepted" if Time.now >= deadline
  end
end
