/** The methods that the SDK's client and its request handler have in common, with their names in A2A. */
export const COMMON_METHODS = {
  sendMessage: "SendMessage",
  sendMessageStream: "SendStreamingMessage",
  createTaskPushNotificationConfig: "CreateTaskPushNotificationConfig",
  getTaskPushNotificationConfig: "GetTaskPushNotificationConfig",
  deleteTaskPushNotificationConfig: "DeleteTaskPushNotificationConfig",
  getTask: "GetTask",
  cancelTask: "CancelTask",
  listTasks: "ListTasks",
} as const;
