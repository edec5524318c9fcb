import protobuf from "protobufjs";

/**
 * The messages of OTLP's trace signal that this receiver reads and writes, by the field numbers of opentelemetry-proto 1.x
 * (`opentelemetry/proto/{common,resource,trace,collector}/v1`) and of google.rpc.Status. Other fields are skipped.
 */
const MESSAGES = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; }
message InstrumentationScope { string name = 1; string version = 2; }
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  string trace_state = 3;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10;
  repeated Event events = 11;
  uint32 dropped_events_count = 12;
  repeated Link links = 13;
  uint32 dropped_links_count = 14;
  OtelStatus status = 15;
  fixed32 flags = 16;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message OtelStatus { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    ArrayValue array_value = 5;
    KeyValueList kvlist_value = 6;
    bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message ExportTraceServiceResponse { PartialSuccess partial_success = 1; }
message PartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
message Status { int32 code = 1; string message = 2; }
`;

const { root } = protobuf.parse(MESSAGES);
const REQUEST = root.lookupType("ExportTraceServiceRequest");

/**
 * Reads an ExportTraceServiceRequest in the binary encoding.
 *
 * @returns the object of OTLP's JSON encoding, except that ids and bytes are byte arrays.
 * @throws Error if the bytes are no such message.
 */
export function readProtobuf(body: Uint8Array): unknown {
  return REQUEST.toObject(REQUEST.decode(body), { longs: String });
}

/** Writes a response in the binary encoding. Its fields have the names of OTLP's JSON encoding. */
export function writeProtobuf(name: "ExportTraceServiceResponse" | "Status", message: object): Uint8Array<ArrayBuffer> {
  const type = root.lookupType(name);
  return new Uint8Array(type.encode(type.fromObject(message)).finish());
}
